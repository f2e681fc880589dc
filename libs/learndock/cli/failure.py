"""How an error looks on a terminal, what, why, next, and which exit code it becomes."""

from __future__ import annotations

import errno
import json
import textwrap

import click

from learndock.errors import DockError

CODES = {
    "invalid_input": 2,
    "not_found": 2,
    "already_exists": 2,
    "unauthenticated": 2,
    "permission_denied": 2,
    "failed_precondition": 1,
    "overloaded": 3,
    "unavailable": 3,
    "deadline_exceeded": 3,
    "internal": 4,
}
"""Exit code by kind of error."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


def report(error: Exception, *, as_json: bool = False) -> int:
    """Say an error on stderr and give its exit code."""
    if isinstance(error, DockError):
        what, why = split(error.message)
        say_failure(what, why, error.hint, error.reason, as_json=as_json)
        return CODES.get(error.kind, 4)
    if isinstance(error, OSError) and (error.filename or error.errno in _FULL):
        return _report_file(error, as_json=as_json)
    what = f"Something went wrong in the program: {type(error).__name__}: {error}"
    after = "Run it again with DOCK_DEBUG=1 and report what it prints."
    say_failure(what, "", after, "INTERNAL", as_json=as_json)
    return 4


def report_usage(error: click.UsageError, *, as_json: bool = False) -> int:
    """Say what was typed wrong, and which help has it right."""
    command = error.ctx.command_path if error.ctx else "dock"
    after = f"`{command} --help` says what it takes."
    say_failure(error.format_message(), "", after, "WRONG_USE", as_json=as_json)
    return 2


def say_failure(what: str, why: str, after: str, reason: str, *, as_json: bool = False) -> None:
    """Print the three parts, each only where there is something to say, at most 80 columns wide; or one JSON object."""
    if as_json:
        told = {"reason": reason, "what": what, "why": why, "next": after}
        click.echo(json.dumps({"error": told}, ensure_ascii=False), err=True)
        return
    label = click.style("Error", fg="red", bold=True)
    click.echo(f"{label}  {_wrap(what)}", err=True)
    if why:
        click.echo(f"Why    {_wrap(why)}", err=True)
    if after:
        click.echo(f"Next   {_wrap(after)}", err=True)
    if reason:
        click.echo(click.style(f"       [{reason}]", dim=True), err=True)


def split(message: str) -> tuple[str, str]:
    """The first sentence of a message, and the rest of it."""
    first, stop, rest = message.partition(". ")
    return (f"{first}.", rest.strip()) if stop else (message, "")


def _report_file(error: OSError, *, as_json: bool) -> int:
    where = error.filename or "the disk"
    what = f"{where} can't be used: {(error.strerror or str(error)).lower()}."
    hint = "Free some space and try again." if error.errno in _FULL else "Check the path and its permissions."
    reason = "DISK_FULL" if error.errno in _FULL else "FILE_UNUSABLE"
    say_failure(what, "", hint, reason, as_json=as_json)
    return 2


def _wrap(text: str) -> str:
    lines = [piece for line in text.splitlines() for piece in textwrap.wrap(line, 72, break_long_words=False)]
    return "\n       ".join(lines)
