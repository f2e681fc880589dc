"""The records of what was found: as they are now, or as they were last seen where the database does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dock_db import Database, Flags, LearnwareRow, Learnwares, State
from learndock.errors import NotFound, Unavailable

ASK_AGAIN_S = 1.0
"""Seconds after which a database that did not answer is asked again; searches in between do not wait for it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """Records by key, a sentence for each that something is odd about, and whether they may be out of date."""

    rows: Mapping[str, LearnwareRow]
    notes: Sequence[str]
    stale: bool = False


class Records:
    """Reads records; keeps those of the index's learnwares for when the database is away (guarantee G13)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, LearnwareRow] = {}
        self._lock = threading.Lock()
        self._away_until = 0.0

    def keep(self, key: str, row: LearnwareRow) -> None:
        """Remember the record of what came into the index."""
        self._kept[key] = row

    def forget(self, key: str) -> None:
        """It left the index."""
        self._kept.pop(key, None)

    def known(self) -> list[str]:
        """Those of all that came into the index and did not leave it."""
        return list(self._kept)

    def of(self, keys: Iterable[str]) -> Seen:
        """The records of these keys that may be shown."""
        keys = list(dict.fromkeys(keys))
        if time.monotonic() >= self._away_until:
            try:
                return self._now(keys)
            except Unavailable as error:
                self._note_absence(error)
        rows = {key: row for key in keys if (row := self._kept.get(key)) is not None}
        return Seen(rows, [], stale=True)

    def _now(self, keys: list[str]) -> Seen:
        rows, notes = {}, []
        with self._database.read_at() as session:
            if not keys:  # that nothing was found is no fresher than the index either
                Learnwares().revision(session)
            for key in keys:
                learnware_id, _, version = key.rpartition(":")
                try:
                    row = Learnwares().get(session, learnware_id, int(version))
                except NotFound:
                    continue
                if row.state in (State.INDEXED, State.EMBEDDING):
                    rows[key] = row
                    flags = Flags().of(session, row.learnware_id, row.version)
                    notes += [f"Look at {learnware_id} with care ({reason}): {detail}" for reason, detail in flags]
        return Seen(rows, notes)

    def _note_absence(self, error: Unavailable) -> None:
        with self._lock:
            self._away_until = time.monotonic() + ASK_AGAIN_S
        _log.warning("searches are answered without the database: %s", error, extra={"reason": error.reason})
