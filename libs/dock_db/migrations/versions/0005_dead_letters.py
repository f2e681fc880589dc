"""What the bus inside a process gave up is kept where an operator sees it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Double, Integer, LargeBinary, String, Text

revision = "0005"
down_revision = "0004"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that knows no dead letters keeps none."""
    op.create_table(
        "dead_letters",
        Column("durable", String(128), primary_key=True),
        Column("event_id", String(256), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("headers", Text, nullable=False),
        Column("error", Text, nullable=False),
        Column("count", Integer, nullable=False),
        Column("at", Double, nullable=False),
        Column("asked_again", Boolean, nullable=False),
    )
