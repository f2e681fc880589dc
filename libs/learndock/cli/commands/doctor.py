"""`dock doctor`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from learndock.cli.command import Command
from learndock.cli.options import open_dock, prints_json, speaks_to_dock
from learndock.cli.screen import print_json
from learndock.errors import DockError

MORE = "learndock.doctor"
"""Group of entry points that are called and give things with name, ok, text, remedy and needed."""
_SERVER_MODULES = ("grpc_health", "grpc_reflection", "prometheus_client", "pydantic", "pydantic_settings", "sqlalchemy")


@dataclass(frozen=True)
class Sight:
    """One thing looked at. Where it is not `needed`, its absence is no fault."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


@click.command("doctor", cls=Command)
@speaks_to_dock
@prints_json
def doctor_command(address: str | None, owner: str | None, as_json: bool) -> None:
    """Say what this machine can do, what is missing, and how to get it.

    Where the settings of separate services are set (DOCK_DB_URL and so on) each thing they name is tried as well.

    Exit code 1 says that something needed is missing. A dock that is down is told, and is no fault of the machine.

    Example:  dock doctor
    """
    sights = [*_look(), *_of_other_packages(), _dock(address, owner)]
    if as_json:
        print_json([asdict(sight) for sight in sights])
    else:
        for sight in sights:
            _print(sight)
    if any(sight.needed and not sight.ok for sight in sights):
        click.get_current_context().exit(1)


def _look() -> Iterator[Sight]:
    import learndock  # noqa: PLC0415

    yield Sight("learndock", ok=True, detail=f"{learndock.__version__} on Python {sys.version.split()[0]}")
    yield from _isolation()
    uv = _uv_path()
    yield Sight("uv", uv is not None, *_uv_words(uv))
    if uv is not None:
        yield _pythons(uv)
    yield from _extras()


def _isolation() -> Iterator[Sight]:
    if not sys.platform.startswith("linux"):
        remedy = "Check and predict in a dock on Linux, or with --unsafe-local."
        yield Sight("sandbox", ok=False, detail="models can be isolated on Linux only", remedy=remedy)
        return
    from dock_sandbox import isolation_report  # noqa: PLC0415

    for finding in isolation_report():
        yield Sight(finding.name, finding.ok, finding.detail, finding.remedy, finding.needed)


def _uv_path() -> Path | None:
    beside = Path(sys.executable).parent / "uv"
    found = beside if beside.exists() else shutil.which("uv")
    return Path(found) if found else None


def _uv_words(uv: Path | None) -> tuple[str, str]:
    if uv is None:
        return "uv is missing; it builds the environments of models", "pip install uv"
    return f"{_said(uv, '--version')} at {uv}", ""


def _pythons(uv: Path) -> Sight:
    lines = _said(uv, "python", "list", "--only-installed", "--offline").splitlines()
    names = dict.fromkeys(".".join(line.split("-")[1].split(".")[:2]) for line in lines if line.startswith("cpython-"))
    detail = f"for models: {', '.join(names)}" if names else "none for models"
    return Sight("python", bool(names), detail, "Install one, e.g. `uv python install 3.11`.")


def _said(uv: Path, *words: str) -> str:
    # Not the sandbox's list of what to pass on: that can be imported on Linux only.
    known = {name: value for name, value in os.environ.items() if not name.startswith("DOCK_")}
    done = subprocess.run([uv, *words], capture_output=True, text=True, timeout=30, check=False, env=known)  # noqa: S603
    return done.stdout.strip()


def _extras() -> Iterator[Sight]:
    missing = [name for name in _SERVER_MODULES if importlib.util.find_spec(name) is None]
    words = f"missing: {', '.join(missing)}" if missing else "`dock up` can run here"
    yield Sight("server", not missing, words, "pip install 'learndock[server]' to run a dock here.", needed=False)
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    words = "every reuser is here" if has_sklearn else "scikit-learn is missing: averaging alone works"
    yield Sight("reuse", has_sklearn, words, "pip install 'learndock[reuse]'", needed=False)
    has_matplotlib = importlib.util.find_spec("matplotlib") is not None
    words = "maps can be drawn" if has_matplotlib else "matplotlib is missing: no map can be drawn"
    yield Sight("plot", has_matplotlib, words, "pip install 'learndock[plot]'", needed=False)
    has_arrow = importlib.util.find_spec("pyarrow") is not None
    words = "Parquet files can be read" if has_arrow else "pyarrow is missing: Parquet files can't be read"
    yield Sight("parquet", has_arrow, words, "pip install 'learndock[parquet]'", needed=False)


def _of_other_packages() -> Iterator[Sight]:
    """What others know to look at: the server looks at what its settings name."""
    for entry in importlib.metadata.entry_points(group=MORE):
        try:
            for each in entry.load()():
                yield Sight(each.name, each.ok, each.text, each.remedy, each.needed)
        except DockError as error:
            yield Sight("settings", ok=False, detail=error.message, remedy=error.hint)
        except ImportError:
            continue  # `server` says already what is missing


def _dock(address: str | None, owner: str | None) -> Sight:
    usual = os.environ.get("DOCK_URL", "")
    ingestion = os.environ.get("DOCK_PEERS_INGESTION", "") if (address or "") in ("", usual) else ""
    where = ingestion or address or usual or "127.0.0.1:50051"
    try:
        dock = open_dock(address, owner)
        next(iter(dock.list()), None)
    except DockError as error:
        return Sight("dock", ok=False, detail=f"{where}: {error.message}", remedy=error.hint, needed=False)
    return Sight("dock", ok=True, detail=f"{where} answers", needed=False)


def _print(sight: Sight) -> None:
    import textwrap  # noqa: PLC0415

    mark, colour = ("ok", "green") if sight.ok else ("MISSING", "red") if sight.needed else ("no", "yellow")
    told = sight.ok or not sight.remedy
    text = sight.detail if told else f"{sight.detail.removesuffix('.')}. {sight.remedy}"
    lines = textwrap.wrap(text, 54) or [""]
    click.echo(click.style(f"{mark:>7}", fg=colour) + f"  {sight.name:<14} " + ("\n" + " " * 24).join(lines))
