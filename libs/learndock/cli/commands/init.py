"""`dock init`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import click

from learndock.cli.command import Command
from learndock.cli.options import ANY_PATH, FILE, PACKAGE, makes_specification, prints_json, reads_columns
from learndock.cli.screen import print_json, say, tell
from learndock.cli.words import LICENSES, SCENARIOS, TASKS, one_of


@click.command("init", cls=Command)
@click.argument("out", type=ANY_PATH)
@click.option("--model", type=PACKAGE, help="Fitted model: .joblib, .pkl, .pt, or a folder with your code.")
@click.option("--data", type=FILE, help="Table like the one it was trained on: CSV, Parquet or npy.")
@reads_columns
@click.option("--name", default="", help="Name in the dock.  [default: of the folder]")
@click.option("--description", default="", help="What it does and what it was trained on.")
@click.option("--task", type=one_of(TASKS), default="", help="Kind of task.  [default: by the model's file]")
@click.option("--classes", "--outputs", "outputs", type=click.IntRange(1), help="Classes, or columns predicted.")
@click.option("--inputs", type=click.IntRange(1), help="Input columns, where there is no --data.")
@click.option("--scenario", type=one_of(SCENARIOS), multiple=True, help="Field of use; again for more.")
@click.option("--license", type=one_of(LICENSES), default="", help="Licence of the model.")
@makes_specification
@click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
@prints_json
def init_command(
    out: Path,
    model: Path | None,
    data: Path | None,
    target: str,
    drop: tuple[str, ...],
    k: int | None,
    gamma: float,
    seed: int,
    privacy: Literal["default", "off"],
    force: bool,
    as_json: bool,
    **words: Any,
) -> None:
    """Scaffold a package in the folder OUT (or the file OUT.zip).

    The model's file is copied, never unpickled here: only the dock's sandbox loads it. From --data come the names
    and types of the columns, and the statistical specification by which others find the model; the data itself does
    not go into the package.

    Example:
      dock init iris --model iris.joblib --data iris.csv --target species
      dock init mine --inputs 4 --classes 3       (an empty one to fill)

    """
    from learndock.cli.scaffold import Scaffold, Wishes, look_at  # noqa: PLC0415
    from learndock.tables import read_table  # noqa: PLC0415

    words |= {"name": words["name"] or out.stem, "scenarios": words.pop("scenario")}
    file, folder = look_at(model)
    table = read_table(data, target=target, drop=drop) if data else None
    scaffold = Scaffold(Wishes(**words), file, folder, table)
    specification = _specify(table, k=k, gamma=gamma, seed=seed, privacy=privacy)
    files = _write(scaffold, out, specification, force=force)
    if as_json:
        print_json({"path": str(out), "files": files, "semantic_specification": scaffold.semantic.to_json()})
    _tell(out, files, scaffold.notes, complete=specification is not None)


def _specify(table: Any, **how: Any) -> Any:
    if table is None:
        return None
    from learndock.cli.commands.spec import reduce_table  # noqa: PLC0415

    return reduce_table(table, **how)


def _write(scaffold: Any, out: Path, specification: Any, *, force: bool) -> list[str]:
    if out.suffix != ".zip":
        written: list[str] = scaffold.write(out, specification=specification, force=force)
        return written
    return _write_zip(scaffold, out, specification, force=force)


def _write_zip(scaffold: Any, out: Path, specification: Any, *, force: bool) -> list[str]:
    from learndock.errors import AlreadyExists  # noqa: PLC0415
    from learndock.package import pack_folder  # noqa: PLC0415

    if out.exists() and not force:
        raise AlreadyExists(f"{out} is there already.", reason="FILE_EXISTS", hint="Choose another name, or --force.")
    loose = Path(tempfile.mkdtemp(prefix="dock-init-"))
    try:
        written: list[str] = scaffold.write(loose, specification=specification)
        pack_folder(loose, out)
    finally:
        shutil.rmtree(loose, ignore_errors=True)
    return written


def _tell(out: Path, files: list[str], notes: list[str], *, complete: bool) -> None:
    tell(f"Wrote {out}: {', '.join(files[:8])}{', …' if len(files) > 8 else ''}")
    for note in notes:
        tell(f"- {note}")
    if not complete:
        say(f"Next: dock spec TRAINING.csv --target COLUMN --out {out / 'stat.json'}")
    say(f"{'Next' if complete else 'Then'}: dock check {out}")
    say(f"Then: dock push {out} --watch")
