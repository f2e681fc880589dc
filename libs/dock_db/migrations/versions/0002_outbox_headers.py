"""Events carry headers, such as the trace they belong to; the schema says which code can work with it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0002"
down_revision = "0001"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that knows no headers leaves them out, and gets the default."""
    op.add_column("outbox", Column("headers", Text, nullable=False, server_default="{}"))
    op.create_table(
        "schema_marker",
        Column("only", Integer, primary_key=True, autoincrement=False),
        Column("least_code", Integer, nullable=False),
    )
