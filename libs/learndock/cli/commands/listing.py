"""`dock list` and `dock show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from learndock.cli.command import Command
from learndock.cli.options import open_dock, prints_json, speaks_to_dock
from learndock.cli.records import (
    clean,
    plain,
    plain_record,
    print_log,
    print_records,
    semantic_of,
    step_line,
    styled_state,
    when,
)
from learndock.cli.screen import print_json, say, size
from learndock.cli.words import one_of
from learndock.errors import DockError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learndock.client import Breach, Dock, LearnwareRecord, Verdict

_BREACHES = 5
"""Most that are shown, the newest."""
STATES = (
    "RECEIVED",
    "CHECKING",
    "REJECTED",
    "ACCEPTED",
    "EMBEDDING",
    "INDEXED",
    "DEPRECATED",
    "SUSPENDED",
    "DELETED",
    "FAILED_INTERNAL",
)


@click.command("list", cls=Command)
@click.option("--mine", is_flag=True, help="Only your own.")
@click.option("--of", default="", metavar="OWNER", help="Only this owner's.")
@click.option("--state", type=one_of(STATES), multiple=True, help="Only these states; again for more.")
@click.option("--name", default="", help="Only where the name has this in it.")
@speaks_to_dock
@prints_json
def list_command(
    mine: bool,
    of: str,
    state: tuple[str, ...],
    name: str,
    address: str | None,
    owner: str | None,
    as_json: bool,
) -> None:
    """List the dock's learnwares.

    Example:  dock list --mine --state rejected
    """
    dock = open_dock(address, owner)
    records = list(dock.list(owner=dock.owner if mine else of, states=state, name_contains=name))
    if as_json:
        print_json([plain_record(record) for record in records])
    elif records:
        print_records(records)
    else:
        say("There are none." if mine or of or state or name else "The dock is empty. Next: dock push PACKAGE")


@click.command("show", cls=Command)
@click.argument("learnware_id")
@click.option("--version", type=click.IntRange(0), default=0, help="Which version.  [default: the newest]")
@click.option("--log", "with_log", is_flag=True, help="Show what the model printed in its check.")
@speaks_to_dock
@prints_json
def show_command(
    learnware_id: str, version: int, with_log: bool, address: str | None, owner: str | None, as_json: bool
) -> None:
    """Show one learnware: what it is for, where it stands, what its check said.

    Example:  dock show 00000007
    """
    dock = open_dock(address, owner)
    record = dock.get(learnware_id, version)
    verdict = _verdict(dock, record)
    flags = dock.flags(record.learnware_id, record.version)
    breaches = dock.breaches(record.learnware_id, record.version)
    if as_json:
        print_json(
            {**plain_record(record), "verdict": plain(verdict), "flags": list(flags), "breaches": plain(breaches)}
        )
        return
    _print_record(record)
    _print_breaches(breaches)
    for flag in flags:
        _print_line("look out", clean(flag))
    if verdict is not None:
        click.secho("\nCheck", bold=True)
        for step in verdict.steps:
            if step.status != "running":
                click.echo(step_line(step))
        if with_log or not verdict.accepted:
            print_log(verdict.log)


def _print_breaches(breaches: Sequence[Breach]) -> None:
    for breach in breaches[:_BREACHES]:
        sure = ", repeated on the dock's own inputs" if breach.confirmed else ""
        _print_line("broke rules", clean(f"{when(breach.at)}  {breach.rule} ({breach.detail}{sure})"))
    if len(breaches) > _BREACHES:
        _print_line("", f"and {len(breaches) - _BREACHES} more; --json lists them")


def _verdict(dock: Dock, record: LearnwareRecord) -> Verdict | None:
    try:
        return dock.verdict(record.learnware_id, record.version)
    except DockError as error:
        if error.kind in ("not_found", "failed_precondition"):
            return None
        raise


def _print_record(record: LearnwareRecord) -> None:
    semantic = semantic_of(record)
    for label, value in _lines(record, semantic):
        if value:
            _print_line(label, clean(value))
    state = styled_state(record.state)
    click.echo(f"{'state':<12}{state}")
    if record.reason:
        _print_line("reason", f"{record.reason}: {clean(record.reason_text)}")


def _lines(record: LearnwareRecord, semantic: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("id", f"{record.learnware_id}  version {record.version}"),
        ("name", record.name),
        ("owner", record.owner),
        ("what", _text(semantic, "Description")),
        ("task", " / ".join(filter(None, (_text(semantic, key) for key in ("Data", "Task", "Library"))))),
        ("fields", _text(semantic, "Scenario")),
        ("licence", _text(semantic, "License")),
        ("inputs", _side(semantic.get("Input"))),
        ("outputs", _side(semantic.get("Output"))),
        ("size", size(record.size_bytes)),
        ("sha256", record.content_sha256),
        ("pushed", when(record.created_at)),
    ]


def _text(semantic: dict[str, Any], key: str) -> str:
    values = (semantic.get(key) or {}).get("Values") or ""
    return ", ".join(values) if isinstance(values, list) else str(values)


def _side(side: dict[str, Any] | None) -> str:
    if not side:
        return ""
    words = list((side.get("Description") or {}).values())
    told = ", ".join(words[:8]) + (", …" if len(words) > 8 else "")
    return f"{side.get('Dimension', '?')}" + (f": {told}" if told else "")


def _print_line(label: str, value: str) -> None:
    import textwrap  # noqa: PLC0415

    lines = textwrap.wrap(value, 66) or [""]
    click.echo(f"{label:<12}" + ("\n" + " " * 12).join(lines))
