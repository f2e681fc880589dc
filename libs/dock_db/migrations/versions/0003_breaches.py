"""Predictions that broke rules are kept, and what an operator said of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Double, Integer, String, Text

revision = "0003"
down_revision = "0002"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that knows no breaches keeps none. A foreign key would wait for whoever writes learnwares meanwhile."""
    op.create_table(
        "breaches",
        Column("learnware_id", String(64), primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("sequence", Integer, primary_key=True, autoincrement=False),
        Column("rule", String(64), nullable=False),
        Column("detail", Text, nullable=False),
        Column("confirmed", Boolean, nullable=False),
        Column("tenant", String(128), nullable=False),
        Column("at", Double, nullable=False),
    )
