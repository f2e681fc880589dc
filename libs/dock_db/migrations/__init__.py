"""Migrations of the database: one file each in `versions`, numbered, linear, and only ever forward.

A migration expands: it adds tables, and columns that may be null or have a default of the server, so that the code
of before goes on working beside it. What nobody uses any more goes in a later release by a migration that contracts;
such a one raises LEAST_CODE to the newest migration that code must know to do without it. Each file has LEAST_CODE.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_HERE = Path(__file__).resolve().parent
_VERSIONS = _HERE / "versions"
_ONE_AT_A_TIME = threading.Lock()
"""alembic's `op` and `context` belong to the whole process."""
logging.getLogger("alembic").setLevel(logging.WARNING)


def head() -> int:
    """The newest migration that this code knows."""
    return max(int(path.name[:4]) for path in _VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def upgrade(connection: Connection, to: int | None = None) -> None:
    """Run what is missing up to `to` (the newest), in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, f"{to or head():04d}")


def least_code(version: int) -> int:
    """The oldest code, by the newest migration it knows, that works with a schema of `version`."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions("base", f"{version:04d}")
    return max(int(each.module.LEAST_CODE) for each in scripts)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
