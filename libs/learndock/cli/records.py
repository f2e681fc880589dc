"""How learnwares, steps and verdicts look: as rows for people, as plain values for JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from learndock.cli.screen import Spinner, print_table, size

if TYPE_CHECKING:
    from learndock.check import Step
    from learndock.client import CheckStep, LearnwareRecord

TITLES = ("ID", "VERSION", "STATE", "NAME", "OWNER", "SIZE", "UPDATED")
_MARKS = {"passed": ("ok", "green"), "failed": ("FAILED", "red"), "warned": ("warn", "yellow"), "skipped": ("skip", "")}
_STATES = {"INDEXED": "green", "REJECTED": "red", "FAILED_INTERNAL": "red"}


def plain(value: Any) -> Any:
    """A value of the library as what JSON can say. Texts that are JSON documents are unfolded."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return _plain_leaf(value)


def _plain_leaf(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return when(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value


def plain_record(record: LearnwareRecord) -> dict[str, Any]:
    """A learnware's record; its semantic specification as an object."""
    return {
        "learnware_id": record.learnware_id,
        "version": record.version,
        "state": record.state,
        "name": record.name,
        "owner": record.owner,
        "reason": record.reason,
        "reason_text": record.reason_text,
        "size_bytes": record.size_bytes,
        "content_sha256": record.content_sha256,
        "semantic_specification": semantic_of(record),
        "created_at": when(record.created_at),
        "updated_at": when(record.updated_at),
    }


def semantic_of(record: LearnwareRecord) -> dict[str, Any]:
    """The record's semantic specification in the peer's JSON form; {} where there is none."""
    document: dict[str, Any] = json.loads(record.semantic_json or "{}")
    return document


def when(moment: dt.datetime | None) -> str:
    """A time, in UTC to the second; "" where it is not known."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def print_records(records: Sequence[LearnwareRecord]) -> None:
    """The table of `dock list`."""
    rows = [
        (
            record.learnware_id,
            str(record.version),
            record.state,
            record.name,
            record.owner,
            size(record.size_bytes),
            when(record.updated_at)[:16].replace("T", " "),
        )
        for record in records
    ]
    print_table(TITLES, rows, numbers=(1, 5))


def show_step(step: CheckStep | Step, spinner: Spinner) -> None:
    """A step as it happens: by the spinner while it runs, on a line when it is done."""
    if step.status == "running":
        spinner.label = clean(f"{step.name} {step.detail}").strip()
    else:
        spinner.print(step_line(step))


def step_line(step: CheckStep | Step) -> str:
    """One finished step of a check, on a line (or more, where there is much to say)."""
    word, colour = _MARKS.get(step.status, (step.status, ""))
    mark = click.style(f"{word:>6}", fg=colour or None)
    seconds = f"{step.seconds:6.1f} s" if step.seconds else " " * 8
    return f"{mark}  {clean(step.name):<14}{seconds}  {_indented(step.detail)}".rstrip()


def _indented(text: str) -> str:
    """Long texts go on below where they start, within 80 columns."""
    import textwrap  # noqa: PLC0415

    lines = textwrap.wrap(clean(text), 46, break_long_words=True, max_lines=6, placeholder=" …")
    return ("\n" + " " * 34).join(lines)


def clean(text: str) -> str:
    """A stranger's text without what would act on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def print_log(log: str) -> None:
    """What the model's code printed, marked as such."""
    lines = [clean(line) for line in log.splitlines()]
    if lines:
        click.secho(f"what the model printed ({len(lines)} lines):", dim=True)
    for line in lines[-60:]:
        click.echo(f"  | {line}")


def styled_state(state: str) -> str:
    """A state in its colour."""
    return click.style(state, fg=_STATES.get(state, "yellow"))
