"""Who may speak to the dock is kept, by digests of tokens."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, String, Text

revision = "0004"
down_revision = "0003"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that knows no tokens asks for none."""
    op.create_table(
        "tokens",
        Column("token_id", String(32), primary_key=True),
        Column("digest", String(64), nullable=False),
        Column("tenant", String(128), nullable=False),
        Column("owner", String(128), nullable=False),
        Column("scopes", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("expires_at", Double, nullable=False),
        Column("used_at", Double, nullable=False),
        Column("revoked_at", Double, nullable=False),
    )
