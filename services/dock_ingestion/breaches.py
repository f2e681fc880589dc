"""Counts predictions that broke rules, and takes a version out of use that breaks them again and again."""

from __future__ import annotations

import logging
import re

from dock_db import Breaches, BreachRow, Database, Learnwares, State
from dock_db.transitions import serialise
from dock_ingestion.settings import IngestionSettings
from learndock.errors import InvalidInput

_RULE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_IN_USE = (State.INDEXED, State.DEPRECATED)
_log = logging.getLogger(__name__)


class BreachDesk:
    """Takes reports of services that serve learnwares."""

    def __init__(self, database: Database, settings: IngestionSettings) -> None:
        self._database = database
        self._settings = settings
        self._learnwares = Learnwares()
        self._breaches = Breaches()

    def report(self, learnware_id: str, version: int, *, rule: str, rows: int, confirmed: bool, tenant: str) -> bool:
        """Keep a breach, and suspend the version where it was one too many; whether it is out of use now.

        Only confirmed ones count: a caller can send what makes an honest model overflow, and must not be able to take
        others' learnwares out of use with that. InvalidInput BREACH_INVALID; NotFound LEARNWARE_NOT_FOUND.
        """
        if not _RULE.fullmatch(rule) or version < 1:
            raise InvalidInput("This is no report of a breach.", reason="BREACH_INVALID", hint="Name rule and version.")
        with self._database.transaction() as session:
            serialise(session)
            row = self._learnwares.get(session, learnware_id, version)
            detail = f"asked for {rows} rows"
            self._breaches.record(
                session, learnware_id, version, rule=rule, detail=detail, confirmed=confirmed, tenant=tenant
            )
            window, most = self._settings.suspend_window_s, self._settings.suspend_after
            count = self._breaches.confirmed(session, learnware_id, version, within_s=window)
            if not (confirmed and most and count >= most and row.state in _IN_USE):
                return row.state is State.SUSPENDED
            said = (
                f"Predictions broke the rules for outputs {count} times within {window / 3600:g} h, at last {rule}, "
                "on inputs of the dock's own too."
            )
            self._learnwares.suspend(session, row, said)
        _log.warning("suspended: %s", rule, extra={"learnware": learnware_id, "version": version})
        return True

    def list(self, learnware_id: str, version: int) -> list[BreachRow]:
        """What is kept of a version (0: the newest), newest first. NotFound LEARNWARE_NOT_FOUND."""
        with self._database.read() as session:
            row = self._learnwares.get(session, learnware_id, version)
            return self._breaches.list(session, row.learnware_id, row.version)
