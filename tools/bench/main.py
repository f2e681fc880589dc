"""Run the benchmarks one after the other, each in a process of its own; print, store and publish their tables.

Results go to bench-results/TIME/NAME.json. Exit code 0: all ran; 1: at least one failed (the others still ran);
2: a name that is no benchmark, or nothing to publish.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from page import declared_keys, merge, modules, section, summary
from table import Table, shown

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "bench-results"
PAGE = ROOT / "docs" / "benchmarks.md"
NUMBERS = {1: "One core", 2: "Two cores", 4: "Four cores", 8: "Eight cores"}


def main() -> None:
    arguments = _arguments()
    console = Console() if sys.stdout.isatty() else Console(width=140)
    found = modules(HERE)
    if arguments.list:
        for name, path in found.items():
            console.print(f"{name:15} {summary(path)}", markup=False, highlight=False)
        return
    if arguments.stored:
        _publish_stored(console, arguments.stored, found)
        return
    unknown = [name for name in arguments.only or [] if name not in found]
    if unknown:
        console.print(f"No benchmark is called {', '.join(unknown)}. There are: {', '.join(found)}.", markup=False)
        sys.exit(2)
    if arguments.write_docs and arguments.quick:
        console.print("A quick run's numbers are not published: leave out --quick or --write-docs.")
        sys.exit(2)
    folder = RESULTS / datetime.now(timezone.utc).strftime("%Y-%m-%dT%H%M%SZ")
    folder.mkdir(parents=True, exist_ok=True)
    results, failed = _run_all(console, arguments.only or list(found), folder, arguments)
    if arguments.write_docs:
        _publish(results, found)
        console.print(f"written: {PAGE.relative_to(ROOT)}")
    console.print(f"stored: {folder.relative_to(ROOT)}")
    if failed:
        console.print(f"[red]failed: {', '.join(failed)}[/]")
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, for a look whether all of it runs")
    parser.add_argument("--only", action="append", metavar="NAME", help="this benchmark only; may be repeated")
    parser.add_argument("--list", action="store_true", help="say which benchmarks there are")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--stored", action="append", metavar="FILE", type=Path, help="publish this result, run nothing")
    parser.add_argument("--timeout", type=float, default=1_800.0, help="seconds that one benchmark may take")
    return parser.parse_args()


def _run_all(
    console: Console, names: list[str], folder: Path, arguments: argparse.Namespace
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    results: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    for name in names:
        console.rule(name)
        started = time.perf_counter()
        document = _run(name, folder / f"{name}.json", quick=arguments.quick, timeout=arguments.timeout)
        if document is None:
            failed.append(name)
            continue
        results[name] = document
        for table in document["tables"]:
            _print(console, as_table(table))
        console.print(f"[dim]{name}: {time.perf_counter() - started:.0f} s[/]")
    return results, failed


def _run(name: str, out: Path, *, quick: bool, timeout: float) -> dict[str, Any] | None:
    command = [sys.executable, str(HERE / "child.py"), name, str(out), *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, cwd=ROOT, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        print(f"{name}: not done after {timeout:.0f} s, given up")
        return None
    if done.returncode != 0:
        print(f"{name}: ended with {done.returncode}")
        return None
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


def as_table(document: dict[str, Any]) -> Table:
    """A table from its stored form."""
    return Table(
        **{**document, "columns": tuple(document["columns"]), "notes": tuple(document["notes"])},
    )


def _print(console: Console, table: Table) -> None:
    grid = Grid(title=escape(table.title), title_justify="left", title_style="bold")
    for place, column in enumerate(table.columns):
        words = any(isinstance(row[place], str) for row in table.rows)
        grid.add_column(escape(column), justify="left" if words else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*(escape(shown(cell)) for cell in row))
    console.print(grid)
    for note in table.notes:
        console.print(f"  {note}", markup=False, highlight=False, style="dim")
    console.print()


def made_with(circumstances: dict[str, Any]) -> str:
    """The line above a module's tables."""
    cores = circumstances["cores"]
    libraries = ", ".join(f"{name} {version}" for name, version in circumstances["libraries"].items())
    return f"{NUMBERS.get(cores, f'{cores} cores')}, Python {circumstances['python']}, {libraries}."


def _publish_stored(console: Console, paths: list[Path], found: dict[str, Path]) -> None:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    bad = [document["module"] for document in documents if document["quick"] or document["module"] not in found]
    if bad:
        console.print(f"Not to be published, quick or of no benchmark: {', '.join(bad)}.", markup=False)
        sys.exit(2)
    _publish({document["module"]: document for document in documents}, found)
    console.print(f"written: {PAGE.relative_to(ROOT)}")


def _publish(results: dict[str, dict[str, Any]], found: dict[str, Path]) -> None:
    """Write the page; a benchmark that left tables out, as without the peer, keeps what the page has of it."""
    whole = {
        name: document
        for name, document in results.items()
        if {table["key"] for table in document["tables"]} == set(declared_keys(found[name]))
    }
    for name in results.keys() - whole.keys():
        print(f"{name}: some of its tables were left out; the page keeps its older ones")
    new = {
        name: section(
            summary(found[name]),
            made_with(document["circumstances"]),
            [(table["key"], as_table(table).to_markdown()) for table in document["tables"]],
        )
        for name, document in whole.items()
    }
    PAGE.write_text(merge(PAGE.read_text(encoding="utf-8"), new, list(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
