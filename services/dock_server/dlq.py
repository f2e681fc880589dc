"""`dock dlq`: events that a consumer gave up, what they were, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from dock_bus import DeadLetter
from dock_db import RELAY, Database, DeadLetters, SetAside
from dock_server.adapters import check_adapters, open_bus
from dock_server.configuration import read_settings
from dock_server.existing import AS_JSON, DATA_OR_SERVER, database_of, existing_dock
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings
from dockapi.events.v1 import events_pb2
from learndock.errors import NotFound

_WHY = (
    "An event only wakes its consumer. What it spoke of is driven on from the database, so a dead letter is the sign "
    "of a fault, seldom of work undone: look at the error first."
)
_NEXT = "`dock dlq show EVENT` shows one whole; `dock dlq retry EVENT` delivers it again, to that consumer alone."


class Letters(Protocol):
    """Where dead letters lie: on the bus's server, or in the dock's database."""

    def all(self) -> Sequence[DeadLetter]:
        """Every letter that nobody asked to deliver again yet."""
        ...

    def retry(self, letter: DeadLetter) -> None:
        """Have a letter delivered again."""
        ...


_CONSUMER = click.option(
    "--consumer",
    default="",
    help="Only what this consumer gave up: checking, search-0, …; outbox: what no bus can carry.",
)


@click.group("dlq")
def dlq() -> None:
    """Look at events that a consumer gave up, and deliver them again.

    Example:  dock dlq list
    """


@dlq.command("list")
@_CONSUMER
@DATA_OR_SERVER
@AS_JSON
def list_letters(consumer: str, data: Path | None, as_json: bool) -> None:
    """List what was given up, the oldest first. The dock need not run.

    Example:  dock dlq list --consumer checking
    """
    with _letters(data) as letters:
        found = _chosen(letters.all(), consumer=consumer)
    if as_json:
        click.echo(json.dumps([_document(letter) for letter in found], indent=2))
        return
    for letter in found:
        about = _event(letter)
        what = f"{about['learnware_id']}:{about.get('version', 0)}" if "learnware_id" in about else "unreadable"
        words = [letter.message.event_id, letter.durable, _moment(letter.at), f"{letter.count} tries", what]
        click.echo("  ".join([*words, _line(letter.error)]))
    if found:
        click.echo(f"{_WHY}\n{_NEXT}", err=True)
    else:
        click.echo("Nothing was given up.", err=True)


@dlq.command("show")
@click.argument("event_id")
@_CONSUMER
@DATA_OR_SERVER
@AS_JSON
def show(event_id: str, consumer: str, data: Path | None, as_json: bool) -> None:
    """Show one event whole: what it says, who gave it up, when and why.

    Example:  dock dlq show 4f1c22ab90de4f6c8a4e5a1e6f1f0a55
    """
    with _letters(data) as letters:
        found = _some(_chosen(letters.all(), event_id, consumer), event_id)
    documents = [_document(letter) for letter in found]
    if as_json:
        click.echo(json.dumps(documents, indent=2))
        return
    for document in documents:
        for name, value in document.items():
            shown = value if isinstance(value, (str, int)) else json.dumps(value)
            click.echo(f"{name:10} {shown}")
        click.echo("")


@dlq.command("retry")
@click.argument("event_id", default="")
@click.option("--all", "everything", is_flag=True, help="All of them, or all of a consumer.")
@_CONSUMER
@DATA_OR_SERVER
@AS_JSON
def retry(event_id: str, everything: bool, consumer: str, data: Path | None, as_json: bool) -> None:
    """Deliver an event again to the consumer that gave it up, and to no other; its tries are counted anew.

    On NATS that is done at once. With the bus inside the process a running dock does it within a second or so, a
    stopped one when it starts. If it fails again it comes back to this list. To start a learnware again that became
    FAILED_INTERNAL, use `dock retry`.

    Example:  dock dlq retry --all --consumer checking
    """
    if bool(event_id) == everything:
        raise click.UsageError("Name one event, or say --all.")
    with _letters(data) as letters:
        found = _chosen(letters.all(), event_id, consumer)
        for letter in found if everything else _some(found, event_id):
            letters.retry(letter)
    if as_json:
        click.echo(json.dumps([{"event_id": each.message.event_id, "consumer": each.durable} for each in found]))
        return
    for letter in found:
        click.echo(f"{letter.message.event_id} goes to {letter.durable} again.")
    if not found:
        click.echo("Nothing was given up.", err=True)


class _OnBus:
    """On the server of NATS."""

    def __init__(self, settings: DockSettings) -> None:
        self._bus = open_bus(settings, name="dock-dlq")

    def all(self) -> Sequence[DeadLetter]:
        return self._bus.dead_letters()

    def retry(self, letter: DeadLetter) -> None:
        self._bus.retry_dead_letter(letter.durable, letter.message.event_id)

    def close(self) -> None:
        self._bus.close()


class _InDatabase:
    """Where the bus is inside the process: written down by the dock, which looks for what is to go again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Sequence[DeadLetter]:
        with self._database.read() as session:
            return DeadLetters().all(session, asked_again=False)

    def retry(self, letter: DeadLetter) -> None:
        with self._database.transaction() as session:
            if letter.durable == RELAY:
                SetAside().put_back(session, letter.message.event_id)
            else:
                DeadLetters().ask_again(session, letter.durable, letter.message.event_id)


class _Everywhere:
    """On the server of NATS, and in the database what never got there."""

    def __init__(self, on_bus: _OnBus, database: Database) -> None:
        self._on_bus = on_bus
        self._database = database

    def all(self) -> Sequence[DeadLetter]:
        with self._database.read() as session:
            aside = SetAside().all(session)
        return sorted([*self._on_bus.all(), *aside], key=lambda letter: letter.at)

    def retry(self, letter: DeadLetter) -> None:
        if letter.durable != RELAY:
            self._on_bus.retry(letter)
            return
        with self._database.transaction() as session:
            SetAside().put_back(session, letter.message.event_id)


@contextmanager
def _letters(data: Path | None) -> Iterator[Letters]:
    """The dock's letters; a folder that was named wins over DOCK_BUS_URL and DOCK_DB_URL."""
    settings = read_settings(DockSettings)
    if data is not None:
        settings = settings.model_copy(update={"bus_url": "", "db_url": ""})
    check_adapters(settings.model_copy(update={"blob_url": "file:///"}))
    if settings.bus_url and not settings.bus_url.startswith("inproc:"):
        with ExitStack() as stack:
            on_bus = _OnBus(settings)
            stack.callback(on_bus.close)
            if settings.embedded:
                yield on_bus
                return
            database = stack.enter_context(database_of(DockFolder(settings.data), settings))
            database.schema().require()
            yield _Everywhere(on_bus, database)
        return
    folder = existing_dock(data or settings.data) if settings.embedded else DockFolder(settings.data)
    with database_of(folder, settings) as database:
        database.schema().require()
        yield _InDatabase(database)


def _chosen(letters: Sequence[DeadLetter], event_id: str = "", consumer: str = "") -> list[DeadLetter]:
    return [
        letter for letter in letters if event_id in ("", letter.message.event_id) and consumer in ("", letter.durable)
    ]


def _some(letters: list[DeadLetter], event_id: str) -> list[DeadLetter]:
    if not letters:
        raise NotFound(
            f"There is no dead letter {event_id}.",
            reason="DEAD_LETTER_NOT_FOUND",
            hint="`dock dlq list` says which there are; it may have been retried already.",
        )
    return letters


def _event(letter: DeadLetter) -> dict[str, Any]:
    """What the event says; empty where nobody can read it, which may be why it was given up."""
    try:
        event = events_pb2.LearnwareEvent.FromString(letter.message.data)
    except DecodeError:
        return {}
    found: dict[str, Any] = MessageToDict(event, preserving_proto_field_name=True)
    return found if event.learnware_id else {}


def _document(letter: DeadLetter) -> dict[str, Any]:
    return {
        "event_id": letter.message.event_id,
        "consumer": letter.durable,
        "subject": letter.message.subject,
        "given_up": _moment(letter.at),
        "tries": letter.count,
        "error": letter.error,
        "bytes": len(letter.message.data),
        "headers": dict(letter.message.headers),
        "event": _event(letter),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _line(text: str) -> str:
    """The first line, without what a terminal would obey."""
    first = (text.splitlines() or [""])[0]
    return "".join(each if each.isprintable() else "?" for each in first)[:200]
