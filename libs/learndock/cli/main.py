"""The entry point: which commands there are, and what happens when one fails."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from learndock.cli.command import keep_example

PLUGINS = "learndock.commands"
"""Group of entry points whose values are click commands."""

EPILOG = """\
Exit codes: 0 done; 1 the answer is no (rejected, nothing found, not now); 2 wrong use or bad input; 3 the dock
or something it needs does not answer; 4 a fault of the program; 130 ended by Ctrl-C. With --json an error is one
JSON object on stderr: {"error": {"reason", "what", "why", "next"}}.

DOCK_URL is the dock's address (127.0.0.1:50051 if unset), DOCK_OWNER your name there, DOCK_DEBUG=1 shows
tracebacks, NO_COLOR=1 turns colours off.
"""


_AS_JSON = "learndock.cli.as_json"
_ROOT = Path(__file__).resolve().parents[3]
"""Of a checkout, where this is one."""
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""From click 8.2 on, what says that the help is to be shown."""


@dataclass(frozen=True)
class Place:
    """Where a command lies, and its line in `dock --help`, known without loading it."""

    module: str
    section: str
    help: str


_MAKE, _GIVE, _USE, _RUN, _HERE = "Make a learnware", "Give it to a dock", "Find and use", "Run a dock", "This machine"

COMMANDS: Mapping[str, Place] = {
    "init": Place("init", _MAKE, "Scaffold a package from a model, a folder or nothing."),
    "spec": Place("spec", _MAKE, "Make a statistical specification from data."),
    "check": Place("check", _MAKE, "Check packages here as the dock would."),
    "push": Place("push", _GIVE, "Give packages to the dock."),
    "watch": Place("watch", _GIVE, "See a learnware's check as it happens."),
    "update": Place("update", _GIVE, "Push a new version of a learnware."),
    "rm": Place("remove", _GIVE, "Remove learnwares from the dock."),
    "login": Place("login", _GIVE, "Keep your token for a dock."),
    "logout": Place("login", _GIVE, "Forget it."),
    "list": Place("listing", _USE, "List learnwares."),
    "show": Place("listing", _USE, "Show one learnware and its verdict."),
    "search": Place("search", _USE, "Find what fits your data or your words."),
    "map": Place("map", _USE, "Draw the dock as a picture."),
    "pull": Place("pull", _USE, "Fetch a package."),
    "verify": Place("verify", _USE, "Verify pulled packages by the dock's signed verdict, offline."),
    "key": Place("verify", _USE, "List and forget the keys of docks."),
    "predict": Place("predict", _USE, "Predict with learnwares, yours or found ones."),
    "plugins": Place("plugins", _HERE, "List specification types, searchers, checkers and reusers."),
    "experiment": Place("experiment", _HERE, "Measure on your own tables what sharing models is worth."),
    "doctor": Place("doctor", _HERE, "Say what this machine can do and what is missing."),
    "completion": Place("completion", _HERE, "Print a shell's completion script."),
}
"""Every command of our own. Those of the server come by entry points."""

_SERVER = {
    "up": "Run a whole dock in this process until Ctrl-C.",
    "serve": "Run chosen services of a dock.",
    "signing-key": "Show or exchange the key a dock signs with.",
    "fsck": "Look over a dock for damage.",
    "backup": "Back up a dock, list and verify backups.",
    "restore": "Restore a backup into an empty dock.",
    "dlq": "Look at events that were given up, and deliver them again.",
    "db": "Look at a database's schema, and migrate it.",
    "reinstate": "Take a learnware into use again that the dock suspended.",
    "retry": "Start a learnware again that the dock gave up.",
    "token": "Make, list and revoke the tokens of a dock.",
}


class Commands(click.Group):
    """The `dock` group: loads a command when it is called, and turns errors into words and exit codes."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "help": keep_example(given.get("help") or "")})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every name, in the order of the help."""
        return [*COMMANDS, *_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command; a plug-in that cannot be loaded becomes one that says why."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"learndock.cli.commands.{COMMANDS[cmd_name].module}")
            command: click.Command = getattr(module, f"{cmd_name}_command")
            return command
        plugin = _plugins().get(cmd_name)
        if plugin is None:
            return _missing(cmd_name, _SERVER[cmd_name], "") if cmd_name in _SERVER else None
        return _load(plugin)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest names where there is no such command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 2) if args else []
            if near:
                raise click.UsageError(f"{error.message} Did you mean {' or '.join(near)}?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands by section, without loading any of them."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in (_MAKE, _GIVE, _USE, _RUN, _HERE)}
        for name in self.list_commands(ctx):
            place = COMMANDS.get(name)
            line = place.help if place else _SERVER.get(name, "From another package.")
            sections[place.section if place else _RUN].append((name, line))
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does; what is wrong with the words before a command is said as all else is."""
        as_json = "--json" in args
        try:
            ctx = super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if isinstance(error, _NO_ARGUMENTS):
                raise
            from learndock.cli.failure import report_usage  # noqa: PLC0415

            raise click.exceptions.Exit(report_usage(error, as_json=as_json)) from error
        ctx.meta[_AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever goes wrong is said in three parts and becomes an exit code."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            result: object = super().invoke(ctx)
        except click.UsageError as error:
            if isinstance(error, _NO_ARGUMENTS):
                raise
            from learndock.cli.failure import report_usage  # noqa: PLC0415

            ctx.exit(report_usage(error, as_json=ctx.meta[_AS_JSON]))
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nstopped", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            _close_stdout()
            ctx.exit(0)
        except Exception as error:
            from learndock.cli.failure import report  # noqa: PLC0415

            if os.environ.get("DOCK_DEBUG") == "1":
                raise
            ctx.exit(report(error, as_json=ctx.meta[_AS_JSON]))
        return result


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in _entry_points() if entry.name not in COMMANDS}


def _entry_points() -> Iterator[importlib.metadata.EntryPoint]:
    try:
        yield from importlib.metadata.entry_points(group=PLUGINS)
    except Exception as error:  # noqa: BLE001 - another package's broken metadata must not stop this command
        click.echo(f"commands of other packages are left out: {error}", err=True)


def _load(plugin: importlib.metadata.EntryPoint) -> click.Command:
    try:
        command = plugin.load()
    except ImportError as error:
        return _missing(plugin.name, _SERVER.get(plugin.name, ""), error.name or str(error))
    except Exception as error:  # noqa: BLE001 - a broken plug-in must not break the others
        return _missing(plugin.name, _SERVER.get(plugin.name, ""), str(error))
    return command if isinstance(command, click.Command) else _missing(plugin.name, "", "it is no click command")


def _missing(name: str, line: str, why: str) -> click.Command:
    """A command that, whatever it is given, says what to install."""

    @click.command(name, help=line, context_settings={"ignore_unknown_options": True}, add_help_option=False)
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def command(rest: tuple[str, ...]) -> None:  # noqa: ARG001
        from learndock.errors import FailedPrecondition  # noqa: PLC0415

        what = f"`dock {name}` can't be loaded" + (f": {why} is missing or broken." if why else ".")
        raise FailedPrecondition(what, reason="EXTRA_MISSING", hint=_remedy(name))

    return command


def _remedy(name: str) -> str:
    if name not in _SERVER:
        return "Reinstall its package."
    if (_ROOT / "pyproject.toml").is_file() and (_ROOT / "Makefile").is_file():
        return "Run `make setup`: this is a checkout, and its environment may be older than its code."
    return "Install the server: pip install 'learndock[server]'."


def _close_stdout() -> None:
    """The reader went away (`dock list | head`): point stdout elsewhere so that closing it raises nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        import learndock  # noqa: PLC0415

        click.echo(f"dock {learndock.__version__}")
        ctx.exit(0)


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version and exit."
)
def dock() -> None:
    """A learnware dock: share trained models, find the ones that fit your data, use them.

    Example:
      dock up --data ~/my-dock          (in one terminal)
      dock init iris --model iris.joblib --data iris.csv --target species
      dock push iris --watch
      dock search --data mine.csv

    """


def main() -> None:
    """Run `dock`."""
    dock(prog_name="dock")


if __name__ == "__main__":
    main()
