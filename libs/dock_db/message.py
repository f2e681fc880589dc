"""A learnware's record as the message that services answer with."""

from __future__ import annotations

from dock_db.rows import LearnwareRow
from dockapi.learnware.v1 import learnware_pb2 as pb


def learnware_message(row: LearnwareRow) -> pb.Learnware:
    """Convert a record; times become timestamps."""
    message = pb.Learnware(
        learnware_id=row.learnware_id,
        version=row.version,
        tenant=row.tenant,
        owner=row.owner,
        name=row.name,
        state=f"STATE_{row.state.value}",
        revision=row.revision,
        content_sha256=row.content_sha256,
        size_bytes=row.size_bytes,
        semantic_specification_json=row.semantic_json,
        statistical_specification_type=row.specification_type,
        attempt=row.attempt,
        reason=row.reason,
        reason_text=row.reason_text,
    )
    message.created_at.FromNanoseconds(int(row.created_at * 1e9))
    message.updated_at.FromNanoseconds(int(row.updated_at * 1e9))
    return message
