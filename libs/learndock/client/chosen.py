"""What a user chose to load or to predict with: ids, records, hits, or a mixture."""

from __future__ import annotations

from typing import Any

from dockapi.reuse.v1 import reuse_pb2
from learndock.client.found import FoundMixture, MixtureMember, id_of
from learndock.client.records import LearnwareRecord


def items_of(learnwares: Any) -> list[Any]:
    """One or several of them, as a list."""
    if isinstance(learnwares, FoundMixture):
        return [*learnwares.members]
    one = isinstance(learnwares, str | LearnwareRecord) or hasattr(learnwares, "record")
    return [learnwares] if one else [*learnwares]


def member_of(item: object) -> reuse_pb2.Member:
    """The same as `reuse` takes it; without a version the dock chooses."""
    record = getattr(item, "record", item)
    return reuse_pb2.Member(
        learnware_id=id_of(item),
        version=getattr(record, "version", 0),
        weight=item.weight if isinstance(item, MixtureMember) else 0.0,
    )
