"""A dock has an id, so that its store and its backups are known to be its own; and it knows when it was backed up."""

from __future__ import annotations

import uuid

from alembic import op
from sqlalchemy import Column, Double, Integer, String, text

revision = "0009"
down_revision = "0008"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that does not know the table looks at no mark of a store, as before."""
    made = op.create_table(
        "dock",
        Column("only", Integer, primary_key=True, autoincrement=False),
        Column("dock_id", String(64), nullable=False),
        Column("backed_up_at", Double, nullable=False, server_default=text("0")),
    )
    op.bulk_insert(made, [{"only": 1, "dock_id": uuid.uuid4().hex}])
