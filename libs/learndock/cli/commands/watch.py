"""`dock watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.options import open_dock, prints_json, speaks_to_dock
from learndock.cli.records import clean, plain, plain_record, print_log, show_step, styled_state
from learndock.cli.screen import print_json, say, waiting

if TYPE_CHECKING:
    from learndock.client import Dock, LearnwareRecord, Verdict

_SEARCHABLE_S = 120.0


@click.command("watch", cls=Command)
@click.argument("learnware_id")
@click.option("--version", type=click.IntRange(0), default=0, help="Which version.  [default: the newest]")
@speaks_to_dock
@prints_json
def watch_command(learnware_id: str, version: int, address: str | None, owner: str | None, as_json: bool) -> None:
    """See the steps of a learnware's check as they happen, and its verdict with the log.

    Exit code 1 says that it was rejected, or suspended since.

    Example:  dock watch 00000007
    """
    dock = open_dock(address, owner)
    record = follow(dock, learnware_id, version, quiet=as_json)
    if as_json:
        verdict = dock.verdict(record.learnware_id, record.version)
        print_json({**plain_record(record), "verdict": plain(verdict)})
    if record.state in ("REJECTED", "SUSPENDED", "FAILED_INTERNAL"):
        click.get_current_context().exit(1)


def follow(dock: Dock, learnware_id: str, version: int = 0, *, quiet: bool = False) -> LearnwareRecord:
    """Show a check until its verdict, wait until the learnware can be found, and give its record."""
    from learndock.client import Verdict  # noqa: PLC0415

    verdict = None
    with waiting("waiting for the check") as spinner:
        for event in dock.watch(learnware_id, version):
            if isinstance(event, Verdict):
                verdict = event
            elif not quiet:
                show_step(event, spinner)
        spinner.label = "making it searchable"
        record = dock.wait(learnware_id, version, timeout=_SEARCHABLE_S)
    if not quiet:
        _tell(record, verdict)
    return record


def _tell(record: LearnwareRecord, verdict: Verdict | None) -> None:
    if verdict is not None and not verdict.accepted:
        print_log(verdict.log)
    if verdict is not None and verdict.isolation == "unsafe-local":
        say("Unsafe: the model ran without a sandbox (--unsafe-local).")
    click.echo(f"{record.learnware_id} ({clean(record.name)}) is {styled_state(record.state)}")
    if record.state in ("REJECTED", "SUSPENDED", "FAILED_INTERNAL"):
        from learndock.cli.failure import say_failure, split  # noqa: PLC0415

        what, why = split(clean(record.reason_text))
        after = f"Mend it, then: dock update {record.learnware_id} PACKAGE"
        say_failure(what, why, after if record.state == "REJECTED" else "Ask the dock's operator.", record.reason)
