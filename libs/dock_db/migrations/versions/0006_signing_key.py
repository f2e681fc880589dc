"""The public key that the dock signs with is on record, so that a checker with another one is noticed."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Integer, LargeBinary

revision = "0006"
down_revision = "0005"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that does not know the table signs as before."""
    op.create_table(
        "signing_key",
        Column("only", Integer, primary_key=True, autoincrement=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("recorded_at", Double, nullable=False),
    )
