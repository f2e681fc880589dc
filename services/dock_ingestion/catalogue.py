"""The catalogue: what the dock holds, as records and as bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dock_blob import BlobStore
from dock_db import Bell, Database, LearnwareRow, Learnwares, State
from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition, InvalidInput

MAX_PAGE = 500
_VERSION = re.compile(r"[0-9]{1,9}")
TERMINAL = frozenset(
    {State.REJECTED, State.INDEXED, State.DEPRECATED, State.SUSPENDED, State.DELETED, State.FAILED_INTERNAL}
)


@dataclass(frozen=True)
class Page:
    """Some records, and the token that brings the next ones ("" at the end)."""

    rows: Sequence[LearnwareRow]
    next_token: str


class Catalogue:
    """Reads, deletes and watches learnwares of one tenant."""

    def __init__(self, database: Database, blobs: BlobStore, tenant: str, poll_s: float) -> None:
        self._database = database
        self._blobs = blobs
        self._tenant = tenant
        self._learnwares = Learnwares()
        self._bell = Bell(database, poll_s=poll_s)

    def get(self, learnware_id: str, version: int = 0) -> LearnwareRow:
        """One record; version 0 is the newest that is not deleted. NotFound LEARNWARE_NOT_FOUND."""
        with self._database.read() as session:
            return self._learnwares.get(session, learnware_id, version)

    def usable(self, learnware_id: str, version: int = 0) -> LearnwareRow:
        """One record; version 0 is the one to use (`Learnwares.newest_usable`). NotFound LEARNWARE_NOT_FOUND."""
        if version:
            return self.get(learnware_id, version)
        with self._database.read() as session:
            return self._learnwares.newest_usable(session, learnware_id)

    def list(self, *, owner: str, states: Sequence[State], name_contains: str, page_size: int, page_token: str) -> Page:
        """Records, oldest first, page by page."""
        limit = min(page_size if page_size > 0 else 100, MAX_PAGE)
        with self._database.read_at() as session:
            rows = self._learnwares.list(
                session,
                tenant=self._tenant,
                owner=owner,
                states=states,
                name_contains=name_contains,
                after=_parse_token(page_token),
                limit=limit + 1,
            )
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(rows, f"{rows[-1].learnware_id}:{rows[-1].version}" if more else "")

    def open(self, learnware_id: str, version: int, offset: int) -> tuple[LearnwareRow, Iterator[bytes]]:
        """A record and its package's bytes from `offset` on; version 0 is the one to use.

        FailedPrecondition LEARNWARE_DELETED, LEARNWARE_SUSPENDED.
        """
        row = self.usable(learnware_id, version)
        if row.state is State.DELETED:
            raise FailedPrecondition(
                f"Version {row.version} of {row.learnware_id} was deleted.",
                reason="LEARNWARE_DELETED",
                hint="`dock list` shows what there is.",
            )
        if row.state is State.SUSPENDED:
            raise FailedPrecondition(
                f"Version {row.version} of {row.learnware_id} is suspended. {row.reason_text}",
                reason="LEARNWARE_SUSPENDED",
                hint="Use another learnware; an operator can take it into use again (`dock reinstate`).",
            )
        if not 0 <= offset <= row.size_bytes:
            raise InvalidInput(
                f"Offset {offset} is outside a package of {row.size_bytes} bytes.",
                reason="OFFSET_OUT_OF_RANGE",
            )
        return row, self._blobs.read(row.blob_key, offset)

    def delete(self, learnware_id: str, version: int) -> int:
        """Delete one version, or every version for 0; return how many went. Their blobs are swept later."""
        with self._database.transaction() as session:
            self._learnwares.get(session, learnware_id, version)
            gone = self._learnwares.delete(session, learnware_id, version)
            failpoint("ingestion.delete.before")
        failpoint("ingestion.delete.after")
        return gone

    def watch(self, learnware_id: str, version: int, active: Callable[[], bool]) -> Iterator[LearnwareRow]:
        """Every record seen from now until a terminal state, while `active`."""
        seen = -1
        for _ in self._bell.looks():
            if not active():
                return
            row = self.get(learnware_id, version)
            version = row.version
            if row.revision != seen:
                seen = row.revision
                yield row
            if row.state in TERMINAL:
                return


def _parse_token(token: str) -> tuple[str, int] | None:
    if not token:
        return None
    learnware_id, _, version = token.rpartition(":")
    if not learnware_id or not _VERSION.fullmatch(version):
        raise InvalidInput(
            f"{token!r} is no page token of this dock.",
            reason="PAGE_TOKEN_INVALID",
            hint="List from the start.",
        )
    return learnware_id, int(version)
