"""Write docs/reference/cli.md from the commands and their help; `--check` fails where it is stale."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click
from tools.reference import write_or_check

from learndock.cli.failure import CODES
from learndock.cli.main import EPILOG, dock

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

HEAD = """\
# The `dock` command

<!-- Written by tools/generate_cli_reference.py: `make generate`. -->

Answers go to stdout, everything else to stderr; with `--json` stdout holds one JSON document and nothing else. An
error is said in three parts (what, why, what next) with a stable reason from [the list](errors.md). Colours and
progress bars appear on a terminal alone.
"""


def page() -> str:
    """The whole page: what holds for all, then a section a command."""
    return "\n".join([HEAD, *_codes(), *_surroundings(), *_commands()]).rstrip() + "\n"


def _codes() -> Iterator[str]:
    kinds: dict[int, list[str]] = {}
    for kind, code in CODES.items():
        kinds.setdefault(code, []).append(kind.replace("_", " "))
    words = {
        0: "done",
        1: "the answer is no: rejected, nothing found, not in this state",
        2: "wrong use or bad input",
        3: "the dock, or something it needs, does not answer",
        4: "a fault of the program",
        130: "ended by Ctrl-C",
    }
    yield "## Exit codes\n\n| code | meaning | kinds of errors |\n| --- | --- | --- |"
    for code, meaning in words.items():
        yield f"| {code} | {meaning} | {', '.join(kinds.get(code, []))} |"


def _surroundings() -> Iterator[str]:
    yield "\n## Environment\n"
    yield " ".join(EPILOG.split("\n\n")[1].split()) + "\n"


def _commands() -> Iterator[str]:
    context = click.Context(dock, info_name="dock")
    for name in sorted(dock.list_commands(context)):
        command = dock.get_command(context, name)
        if command is not None:
            yield from _command(name, command, click.Context(command, info_name=name, parent=context))


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## dock {name}\n"
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    words, _, example = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("Example:")
    yield words.strip() + "\n"
    if example.strip():
        yield f"```\n{inspect.cleandoc(example.strip())}\n```\n"
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    rows = [record for each in options if (record := each.get_help_record(context))]
    yield "| option | |\n| --- | --- |"
    for option, text in rows:
        yield f"| `{option.replace('|', ' or ')}` | {text.replace('|', ' or ')} |"
    if isinstance(command, click.Group):
        for part, below in command.commands.items():
            yield from _command(f"{name} {part}", below, click.Context(below, info_name=part, parent=context))


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__)
