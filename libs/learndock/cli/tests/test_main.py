"""The group itself: help, exit codes, errors in three parts, plug-ins."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from learndock.cli import failure, main
from learndock.errors import KINDS, DockError


def test_help_lists_every_command_and_loads_none_of_their_libraries():
    script = (
        "import sys; from learndock.cli.main import dock\n"
        "try: dock(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('numpy', 'rich', 'grpc', 'scipy', 'sklearn', 'dock_server') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "another package" not in done.stdout, "each of the server's commands has a line of its own"
    for name in main.COMMANDS:
        assert f"\n  {name}" in done.stdout


def test_help_is_quick():
    best = min(_seconds_of_help() for _ in range(3))
    assert best < 1.5  # 0.1 s on an idle machine; tests share theirs


def _seconds_of_help() -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "learndock.cli.main", "--help"], capture_output=True, check=True)
    return time.monotonic() - start


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_help_with_an_example_that_is_80_columns_wide(type_in, name):
    text = type_in(name, "--help").stdout
    assert "Example:" in text
    assert f"dock {name}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_mistyped_command_is_met_with_the_nearest(type_in):
    done = type_in("serch")
    assert done.exit_code == 2
    assert "search" in done.stderr


def test_the_version_is_printed(type_in):
    assert type_in("--version").stdout.startswith("dock ")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_error_has_an_exit_code_and_is_said_in_three_parts(kind, capsys):
    error = KINDS[kind]("It is so. For a reason.", reason="SO_IT_IS", hint="Do this.")
    assert failure.report(error) in (1, 2, 3, 4)
    told = capsys.readouterr().err
    for part in ("It is so.", "Why    For a reason.", "Next   Do this.", "[SO_IT_IS]"):
        assert part in told
    assert "\x1b" not in told


def _group_that(raises: BaseException) -> click.Group:
    group = main.Commands(name="dock")

    def act() -> None:
        raise raises

    command = click.Command("list", callback=act)
    group.get_command = lambda *_: command
    return group


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (DockError("It broke.", reason="BROKEN"), 4, "BROKEN"),
        (RuntimeError("oh"), 4, "DOCK_DEBUG=1"),
        (KeyboardInterrupt(), 130, "stopped"),
        (click.Abort(), 130, "stopped"),
        (PermissionError(13, "Permission denied", "there.csv"), 2, "there.csv"),
        (OSError(28, "No space left on device"), 2, "DISK_FULL"),
    ],
)
def test_what_goes_wrong_becomes_words_and_an_exit_code(raised, code, said, monkeypatch):
    monkeypatch.delenv("DOCK_DEBUG", raising=False)
    done = CliRunner().invoke(_group_that(raised), ["list"])
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("DOCK_DEBUG", "1")
    done = CliRunner().invoke(_group_that(RuntimeError("oh")), ["list"])
    assert isinstance(done.exception, RuntimeError)


@pytest.mark.parametrize(
    ("value", "said"),
    [("no_such_module_at_all:up", "no_such_module_at_all"), ("learndock.errors:DockError", "click command")],
)
def test_a_broken_plugin_says_what_to_do_and_breaks_nothing_else(type_in, monkeypatch, tmp_path, value, said):
    monkeypatch.setattr(main, "_ROOT", tmp_path)  # an installed one
    plugin = importlib.metadata.EntryPoint("up", value, main.PLUGINS)
    monkeypatch.setattr(main, "_entry_points", lambda: iter([plugin]))
    done = type_in("up", "--data", "x")
    assert done.exit_code == 1
    assert said in done.stderr
    assert "learndock[server]" in done.stderr
    assert type_in("--help").exit_code == 0


def test_in_a_checkout_that_ran_ahead_of_its_environment_it_is_set_up_again(type_in, monkeypatch):
    plugin = importlib.metadata.EntryPoint("up", "no_such_module_at_all:up", main.PLUGINS)
    monkeypatch.setattr(main, "_entry_points", lambda: iter([plugin]))
    assert "make setup" in type_in("up").stderr


def test_without_the_server_its_commands_say_what_to_install(type_in, monkeypatch, tmp_path):
    monkeypatch.setattr(main, "_ROOT", tmp_path)
    monkeypatch.setattr(main, "_entry_points", lambda: iter([]))
    done = type_in("up")
    assert done.exit_code == 1
    assert "learndock[server]" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(type_in, shell):
    done = type_in("completion", shell)
    assert done.exit_code == 0
    assert "_DOCK_COMPLETE" in done.stdout


def test_a_dock_that_is_down_is_exit_code_3(type_in):
    done = type_in("list")
    assert done.exit_code == 3
    assert "DOCK_UNREACHABLE" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words", [("search", "--data", "nowhere.csv"), ("search", "--limit", "x"), ("serch",), ("verify",), ("--nosuch",)]
)
def test_wrong_use_is_said_in_three_parts_too(type_in, words):
    done = type_in(*words)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error  ")
    assert "Next   `dock " in done.stderr
    assert "[WRONG_USE]" in done.stderr
    assert "Usage: dock key" in type_in("key").stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--nosuch", "--json"), 2, "WRONG_USE"),
        (("serch", "--json"), 2, "WRONG_USE"),
        (("search", "--json", "--nosuch"), 2, "WRONG_USE"),
        (("list", "--json"), 3, "DOCK_UNREACHABLE"),
    ],
)
def test_with_json_an_error_is_one_object(type_in, words, code, reason):
    done = type_in(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    told = json.loads(done.stderr)["error"]
    assert told["reason"] == reason
    assert told["what"]
    assert told["next"]
