"""A learnware's row names the span that brought it to where it is: whoever goes on does so in its trace."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, text

revision = "0008"
down_revision = "0007"
LEAST_CODE = 1


def upgrade() -> None:
    """Code that does not know the column leaves it as it is, and traces go on behind its part."""
    op.add_column("learnwares", Column("traceparent", String(64), nullable=False, server_default=text("''")))
