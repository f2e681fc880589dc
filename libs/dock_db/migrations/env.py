"""What alembic runs: the migrations, on the connection and in the transaction of whoever called."""

from __future__ import annotations

from alembic import context

from dock_db import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
