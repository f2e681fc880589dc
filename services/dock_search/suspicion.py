"""Looks at what comes into the index with the eyes of those who would be misled by it, and keeps what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sqlalchemy.orm import Session

from dock_db import Flags, LearnwareRow, Learnwares
from learndock.errors import NotFound
from learndock.search import Searcher
from learndock.search.suspicion import PANEL, suspicions
from learndock.specification import Specification, TableSpecification


@runtime_checkable
class HasPanel(Protocol):
    """A searcher that can show a sample of an island."""

    def panel(self, key: str, size: int) -> list[tuple[str, TableSpecification]]:
        """Some of those that stand on the island of a learnware, without itself."""
        ...


class Inspector:
    """Flags learnwares. A searcher that cannot show its islands gets what can be said without them."""

    def __init__(self, index: Searcher) -> None:
        self._index = index

    def inspect(self, row: LearnwareRow, key: str, specification: Specification | None, session: Session) -> None:
        """Keep what is odd about a learnware, in place of what was kept of it before."""
        found: list[tuple[str, str]] = []
        if isinstance(specification, TableSpecification):
            sample = self._index.panel(key, 2 * PANEL) if isinstance(self._index, HasPanel) else []
            strangers = self._of_others(row, sample, session)
            found = [(each.reason, each.detail) for each in suspicions(specification, strangers)]
        Flags().replace(session, row.learnware_id, row.version, found)

    def _of_others(
        self, row: LearnwareRow, sample: Sequence[tuple[str, TableSpecification]], session: Session
    ) -> list[tuple[str, TableSpecification]]:
        found = []
        for key, specification in sample:
            learnware_id, _, version = key.rpartition(":")
            try:
                other = Learnwares().get(session, learnware_id, int(version))
            except NotFound:
                continue
            if other.owner != row.owner:
                found.append((learnware_id, specification))
        return found
