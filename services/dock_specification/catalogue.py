"""Reads stored specifications, and the islands they form."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dock_db import Database, Flags, LearnwareRow, Learnwares, SpecificationRow, Specifications, State
from learndock.errors import InvalidInput, NotFound
from learndock.search import Island, island_of, island_scale
from learndock.semantic import SemanticSpecification
from learndock.specification import Specification, TableSpecification, read_specification

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IslandView:
    """An island, how many learnwares stand on it, and its scale, shape (d,)."""

    island: Island
    learnwares: int
    scale: npt.NDArray[np.float64]


class SpecificationCatalogue:
    """What the dock knows of the specifications it accepted."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    def get(self, learnware_id: str, version: int) -> tuple[SpecificationRow, Specification]:
        """A stored specification. NotFound SPECIFICATION_NOT_FOUND where there is none (yet)."""
        with self._database.read_at() as session:
            row = Learnwares().get(session, learnware_id, version)
            stored = Specifications().get(session, row.learnware_id, row.version)
        if stored is None or not stored.payload:
            raise NotFound(
                f"{learnware_id} has no statistical specification in the dock; it is {row.state.value}.",
                reason="SPECIFICATION_NOT_FOUND",
                hint="Specifications are there once a learnware was accepted.",
            )
        return stored, read_specification(stored.type, stored.payload)

    def flags(self, learnware_id: str, version: int) -> list[str]:
        """What is odd about a learnware, a reason and a sentence each."""
        with self._database.read_at() as session:
            row = Learnwares().get(session, learnware_id, version)
            return [f"{reason}: {detail}" for reason, detail in Flags().of(session, row.learnware_id, row.version)]

    def islands(self) -> list[IslandView]:
        """Every island of indexed learnwares with a table's specification."""
        found: defaultdict[Island, list[TableSpecification]] = defaultdict(list)
        for row, stored in self._indexed():
            if stored.type != TableSpecification.type:
                continue
            try:
                specification = TableSpecification.from_json(stored.payload)
            except InvalidInput as error:
                _log.error("a stored specification is damaged: %s", error, extra={"learnware": row.learnware_id})
                continue
            found[island_of(SemanticSpecification.from_json(row.semantic_json), specification)].append(specification)
        return [IslandView(island, len(members), island_scale(members)) for island, members in found.items()]

    def _indexed(self) -> list[tuple[LearnwareRow, SpecificationRow]]:
        pairs = []
        after: tuple[str, int] | None = None
        with self._database.read_at() as session:
            while True:
                rows = Learnwares().list(session, tenant=self._tenant, states=[State.INDEXED], after=after, limit=500)
                for row in rows:
                    stored = Specifications().get(session, row.learnware_id, row.version)
                    if stored is not None and stored.payload:
                        pairs.append((row, stored))
                if len(rows) < 500:
                    return pairs
                after = (rows[-1].learnware_id, rows[-1].version)
