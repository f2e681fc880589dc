"""Who is who and whose is what, from the database; always from the primary, for a copy may lag behind a revocation."""

from __future__ import annotations

import logging

from dock_db import Database, LearnwareRow, Learnwares, State, TokenRow, Tokens, dialect
from dock_db.tokens import COARSE_S
from dock_rpc.principal import Principal
from dock_rpc.recognition import Holding, Standing
from learndock.errors import DockError, NotFound, Unavailable

PUBLISHED = frozenset({State.ACCEPTED, State.EMBEDDING, State.INDEXED, State.DEPRECATED})
_log = logging.getLogger(__name__)


class DatabaseDirectory:
    """The Directory of `dock_rpc.recognition` over a dock's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def token(self, token_id: str) -> Standing | None:
        """A token; that it was used is noted, once an hour at most."""
        try:
            with self._database.read() as session:
                row = Tokens().find(session, token_id)
                moment = dialect.now(session)
        except DockError:
            raise
        except Exception as error:
            if self._database.schema().behind:
                raise _not_migrated() from error
            raise
        if row is None:
            return None
        standing = Standing(row.digest, _principal(row), row.expires_at - moment, revoked=row.revoked_at > 0)
        if moment - row.used_at > COARSE_S and standing.left_s > 0 and not standing.revoked:
            self._note_use(token_id)
        return standing

    def learnware(self, learnware_id: str, version: int) -> Holding | None:
        """A learnware version; for 0 the one to use, if any is published, else the newest."""
        with self._database.read() as session:
            try:
                found = Learnwares().get(session, learnware_id, version)
                if not version:
                    found = self._to_use(found, Learnwares().newest_usable(session, learnware_id))
            except NotFound:
                return None
        return Holding(found.tenant, found.owner, found.version, found.state.value, found.state in PUBLISHED)

    @staticmethod
    def _to_use(newest: LearnwareRow, usable: LearnwareRow) -> LearnwareRow:
        return usable if usable.state in PUBLISHED else newest

    def _note_use(self, token_id: str) -> None:
        try:
            with self._database.transaction(wake=False) as session:
                Tokens().note_use(session, token_id)
        except DockError as error:  # a full disk keeps nobody from reading
            _log.warning("the use of a token is not noted: %s", error, extra={"token_id": token_id})


def _not_migrated() -> Unavailable:
    return Unavailable(
        "The dock can't look up tokens yet: its database is not migrated.",
        reason="SERVICE_STARTING",
        hint="Try again in a moment; an operator runs `dock db migrate`.",
        retry_after_s=1.0,
    )


def _principal(row: TokenRow) -> Principal:
    return Principal(row.tenant, row.owner, frozenset(row.scopes.split()), row.token_id)
