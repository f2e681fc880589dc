"""Who holds off the sweeper, so that what a backup is about to copy stays."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, String

revision = "0007"
down_revision = "0006"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that does not know the table sweeps during a backup too, which then finds a package gone and says so."""
    op.create_table(
        "holds",
        Column("name", String(64), primary_key=True),
        Column("holder", String(64), nullable=False),
        Column("until", Double, nullable=False),
    )
