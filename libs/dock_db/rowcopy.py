"""A logical copy of the database: every row as a line of JSON, the same from SQLite and from PostgreSQL."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, LargeBinary, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, holds, schema, tables
from dock_db.identity import Identity
from dock_db.learnwares import Learnwares
from dock_db.rows import State
from dock_db.transitions import WAITING_FOR, WORKING_ON
from learndock.errors import FailedPrecondition, InvalidInput

LEFT_OUT = frozenset(
    {tables.outbox.name, tables.inbox.name, tables.schema_marker.name, tables.holds.name, tables.dock.name}
)
"""What belongs to the moment, as events, which the reconciler gives anew, and who does what just now; and which dock
it is, as two must not be the same one."""
_CONTENT = (tables.learnwares, tables.uploads, tables.tokens)
"""A dock that has rows in none of these is empty."""
SWEPT_AGAIN_S = 7 * 86400.0
"""Seconds after a restore for which nothing is swept: what came after the backup may still be asked for."""
_BATCH = 100
_UNDER_WAY = [state.value for state in (*WORKING_ON, *WAITING_FOR)]


def copied_tables() -> list[Table]:
    """The tables of a copy, each behind those that it refers to."""
    return [table for table in tables.metadata.sorted_tables if table.name not in LEFT_OUT]


def dump(session: Session, write: Callable[[str], object]) -> Mapping[str, int]:
    """Write every row as the session sees it, line by line; return how many of each table.

    A line is the head of a table, an object, or a row of it, an array. Uploads that were not committed are left out:
    their bytes are in no backup either.
    """
    counts: dict[str, int] = {}
    for table in copied_tables():
        write(json.dumps({"table": table.name, "columns": [column.name for column in table.columns]}) + "\n")
        counts[table.name] = 0
        for row in _rows(session, table):
            write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")
            counts[table.name] += 1
    return counts


def packages(session: Session) -> Iterator[tuple[str, str, int]]:
    """(key, SHA-256, bytes) of each package that a version refers to, as the session sees it."""
    table = tables.learnwares
    wanted = select(table.c.blob_key, table.c.content_sha256, table.c.size_bytes)
    found = session.execute(
        wanted.where(table.c.state != State.DELETED.value).distinct().order_by(table.c.blob_key),
        execution_options={"yield_per": _BATCH},
    )
    for key, sha256, size in found:
        yield str(key), str(sha256), int(size)


def require_empty(session: Session) -> None:
    """FailedPrecondition DOCK_NOT_EMPTY where the database holds a dock's things; one without tables is fine."""
    if not schema.status(session).version:
        return
    for table in _CONTENT:
        if session.execute(select(sqlalchemy.literal(1)).select_from(table).limit(1)).first() is not None:
            raise FailedPrecondition(
                f"The dock is not empty: it has {table.name}.",
                reason="DOCK_NOT_EMPTY",
                hint="Restore into an empty database or folder, and exchange the two when it is done. Where a restore "
                "died at its very end the rows are all there: `dock fsck` says whether it is complete.",
            )


def require_known(session: Session, version: int) -> None:
    """FailedPrecondition SCHEMA_TOO_NEW where this code does not know the schema of a copy."""
    head = schema.status(session).head
    if version > head:
        raise FailedPrecondition(
            f"The backup is of schema {version}; this code knows {head}.",
            reason="SCHEMA_TOO_NEW",
            hint="Restore with the release that made it, or a newer one.",
            details={"schema": version, "code": head},
        )


def load(session: Session, lines: Iterable[str], *, version: int, skip_ids: int = 0) -> Mapping[str, int]:
    """Fill an empty database with a copy that was made with schema `version`, in the session's transaction.

    The tables are made anew as they were at `version` and migrated with the rows in them, so that what migrations do
    to rows is done to these. The dock's own id stays. Nobody holds anything afterwards, what was under way is overdue,
    so that it is driven on at once, and nothing is swept for SWEPT_AGAIN_S. `skip_ids` learnware ids are left out, as
    they may have been given after the copy. Return how many rows of each table.

    FailedPrecondition DOCK_NOT_EMPTY, SCHEMA_TOO_NEW; InvalidInput BACKUP_DAMAGED.
    """
    dock_id = _prepare(session, version)
    counts: dict[str, int] = {}
    for table, rows in _parsed(lines):
        session.execute(insert(table), rows) if rows else None
        counts[table.name] = counts.get(table.name, 0) + len(rows)
    if counts.get(tables.revision.name) != 1:
        raise _damaged("it does not say how far the dock had come")
    schema.migrate(session)
    if dock_id:
        Identity().take(session, dock_id)
    _go_on(session, skip_ids)
    return counts


def _prepare(session: Session, version: int) -> str:
    """Make the empty tables of `version`; the id of the dock that was there, "" where none was."""
    require_known(session, version)
    require_empty(session)
    dock_id = schema.drop(session)
    schema.migrate(session, version)
    present = set(sqlalchemy.inspect(session.connection()).get_table_names())
    for table in reversed(copied_tables()):
        if table.name in present:
            session.execute(delete(table))  # what a migration put there is in the copy too
    return dock_id


def _go_on(session: Session, skip_ids: int) -> None:
    Learnwares().release_leases(session)
    holds.hold_for(session, holds.RESTORED, SWEPT_AGAIN_S)
    table, counter = tables.learnwares, tables.revision
    session.execute(update(table).where(table.c.state.in_(_UNDER_WAY)).values(driven_at=0.0))
    session.execute(update(counter).values(next_learnware=counter.c.next_learnware + skip_ids))


def _rows(session: Session, table: Table) -> Iterator[list[Any]]:
    conditions: list[ColumnElement[bool]] = []
    if table is tables.uploads:
        conditions.append(table.c.committed_learnware_id != "")
    binary = [isinstance(column.type, LargeBinary) for column in table.columns]
    statement = select(table).where(*conditions).order_by(*table.primary_key)
    for row in session.execute(statement, execution_options={"yield_per": _BATCH}):
        yield [
            base64.b64encode(value).decode() if is_binary and value is not None else value
            for value, is_binary in zip(row, binary, strict=True)
        ]


def _parsed(lines: Iterable[str]) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    table: Any = None
    rows: list[dict[str, Any]] = []
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            raise _damaged("a line of it is no JSON") from None
        if isinstance(said, dict):
            if table is not None:
                yield table, rows
            table, rows = _table(said), []
            continue
        if table is None or len(said) != len(table.columns):
            raise _damaged("a row does not fit its table")
        rows.append({name: _value(column, value) for (name, column), value in zip(table.c.items(), said, strict=True)})
        if len(rows) >= _BATCH:
            yield table, rows
            rows = []
    if table is not None:
        yield table, rows


def _table(said: Mapping[str, Any]) -> Any:
    known = tables.metadata.tables.get(str(said.get("table")))
    names = [str(name) for name in said.get("columns", [])]
    if known is None or not set(names) <= set(known.columns.keys()):
        raise _damaged(f"it has a table that this code does not know ({said.get('table')})")
    # Not the table itself: its defaults would name columns that an older schema does not have.
    return sqlalchemy.table(known.name, *(sqlalchemy.column(name, known.c[name].type) for name in names))


def _value(column: ColumnElement[Any], value: Any) -> Any:
    return base64.b64decode(value) if isinstance(column.type, LargeBinary) and value is not None else value


def _damaged(why: str) -> InvalidInput:
    return InvalidInput(
        f"The backup cannot be read: {why}.",
        reason="BACKUP_DAMAGED",
        hint="`dock backup --list` shows others; `dock backup --verify` says which are whole.",
    )


def moment(session: Session) -> float:
    """Seconds since 1970 by the database's clock."""
    return dialect.now(session)
