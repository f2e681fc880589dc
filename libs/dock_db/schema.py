"""Which schema a database has, whether this code can work with it, and bringing it to the newest."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import delete, insert, inspect, select, text
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.transitions import serialise
from learndock.errors import FailedPrecondition

_log = logging.getLogger(__name__)
_LOCK = "dock-migration"
_PATIENCE = "5s"
"""A migration that waits for a table has everybody else wait behind it: rather give way, and try again."""


@dataclass(frozen=True)
class SchemaStatus:
    """Migrations by number: `version` the database's newest (0: none yet), `head` the newest that this code knows.

    `least_code` is the oldest code, by its head, that the schema lets work.
    """

    version: int
    head: int
    least_code: int

    @property
    def behind(self) -> bool:
        """Whether migrations are missing that this code counts on."""
        return self.version < self.head

    @property
    def too_new(self) -> bool:
        """Whether something that this code counts on is gone."""
        return self.head < self.least_code

    @property
    def usable(self) -> bool:
        """Whether this code works with the schema: its own, or a newer one that only grew."""
        return not (self.behind or self.too_new)

    def refuse_newer(self) -> None:
        """FailedPrecondition SCHEMA_TOO_NEW."""
        if self.too_new:
            raise FailedPrecondition(
                f"The database's schema {self.version} needs code that knows schema {self.least_code}; "
                f"this code knows {self.head}.",
                reason="SCHEMA_TOO_NEW",
                hint="Run the newer LearnDock, or restore the backup from before its migration.",
                details={"schema": self.version, "code": self.head},
            )

    def require(self) -> None:
        """FailedPrecondition SCHEMA_TOO_NEW or SCHEMA_TOO_OLD where this code cannot work with it."""
        self.refuse_newer()
        if self.behind:
            raise FailedPrecondition(
                f"The database's schema is {self.version}; this code needs {self.head}.",
                reason="SCHEMA_TOO_OLD",
                hint="Run `dock db migrate`; a dock in a folder does so when it starts.",
                details={"schema": self.version, "code": self.head},
            )


def status(session: Session) -> SchemaStatus:
    """What the database says of itself."""
    from dock_db import migrations  # noqa: PLC0415 - alembic is for those who ask

    present = set(inspect(session.connection()).get_table_names())
    version = 0
    if "alembic_version" in present:
        version = int(session.scalar(text("SELECT version_num FROM alembic_version")) or 0)
    least = 0
    if tables.schema_marker.name in present:
        least = int(session.scalar(select(tables.schema_marker.c.least_code)) or 0)
    return SchemaStatus(version, migrations.head(), least)


def drop(session: Session) -> str:
    """Remove every table of a dock, with its rows; the id that the dock had, "" where it had none."""
    dialect.hold_lock(session, _LOCK)
    connection = session.connection()
    present = set(inspect(connection).get_table_names())
    dock_id = session.scalar(select(tables.dock.c.dock_id)) if tables.dock.name in present else None
    dialect.limit_lock_waits(session, _PATIENCE)
    tables.metadata.drop_all(connection)
    if "alembic_version" in present:
        session.execute(text("DROP TABLE alembic_version"))
    return dock_id or ""


def migrate(session: Session, to: int | None = None) -> SchemaStatus:
    """Run the missing migrations, up to `to` where it is given. FailedPrecondition SCHEMA_TOO_NEW.

    Who comes while another migrates waits, and finds nothing to do.
    """
    from dock_db import migrations  # noqa: PLC0415

    dialect.hold_lock(session, _LOCK)
    before = status(session)
    before.refuse_newer()
    wanted = to or before.head
    if before.version >= wanted:
        return before
    dialect.limit_lock_waits(session, _PATIENCE)
    if before.version:
        serialise(session)  # writers wait before they hold a table: one that held it would be deadlocked with us
    migrations.upgrade(session.connection(), wanted)
    if wanted > 1:
        session.execute(delete(tables.schema_marker))
        marker = {"only": 1, "least_code": migrations.least_code(wanted)}
        session.execute(insert(tables.schema_marker).values(**marker))
    _log.info("the database's schema went from %d to %d", before.version, wanted)
    return status(session)
