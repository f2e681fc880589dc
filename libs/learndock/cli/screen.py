"""What is printed where: answers on stdout, everything else on stderr, colours and bars on a terminal alone."""

from __future__ import annotations

import itertools
import json
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn
    from rich.table import Table

SHOWN_AFTER_S = 1.0
"""A bar or a spinner appears only when the work takes longer than this."""

_FRAMES = "|/-\\"

Report = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def answers() -> Console:
    """A console on stdout, as wide as the terminal; in a pipe so wide that nothing is cut."""
    from rich.console import Console  # noqa: PLC0415

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 400, soft_wrap=False)


def messages() -> Console:
    """A console on stderr."""
    from rich.console import Console  # noqa: PLC0415

    return Console(file=sys.stderr, highlight=False)


def say(text: str = "") -> None:
    """One line on stderr, for people."""
    click.echo(text, err=True)


def tell(text: str) -> None:
    """A paragraph on stderr, for people, in lines of at most 80 columns."""
    click.echo(wrapped(text), err=True)


@contextmanager
def tells_warnings() -> Iterator[None]:
    """What the library warns of within, as notes on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        tell(f"Note: {each.message}")


def wrapped(text: str) -> str:
    """A paragraph in lines of at most 80 columns; a longer word, such as a path, stays whole."""
    return textwrap.fill(text, 79, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def print_json(value: Any) -> None:
    """One JSON document on stdout, and nothing else there."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str, allow_nan=False))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> None:
    """A table on stdout. Columns of `numbers` stand to the right; words are cut rather than ids."""
    table = grid(titles, numbers)
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    console = answers()
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def grid(titles: Sequence[str], numbers: Sequence[int] = ()) -> Table:
    """An empty table in the one style there is. Its first column, the id, is never cut."""
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for position, title in enumerate(titles):
        table.add_column(
            title,
            justify="right" if position in numbers else "left",
            no_wrap=True,
            overflow="ellipsis" if position else "fold",
            min_width=len(title),
        )
    return table


def printable(text: str) -> str:
    """A stranger's text without what would act on a terminal or be read as markup."""
    from rich.markup import escape  # noqa: PLC0415

    return escape("".join(char if char.isprintable() else " " for char in text))


@contextmanager
def transfer(label: str, *, quiet: bool = False) -> Iterator[Report]:
    """A bar for bytes on stderr, from the moment the work has taken a second, on a terminal alone."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    with _bar(label, (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())) as bar:
        yield bar


@contextmanager
def counting(label: str) -> Iterator[Report]:
    """The same for pieces of work, with the time that is left."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    with _bar(
        label, (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    ) as bar:
        yield bar


@contextmanager
def _bar(label: str, columns: Sequence[ProgressColumn]) -> Iterator[Report]:
    from rich.progress import Progress  # noqa: PLC0415

    bar = Progress(*columns, console=messages(), transient=True)
    task = bar.add_task(printable(label), total=None)
    start = time.monotonic()

    def report(done: int, total: int) -> None:
        if time.monotonic() - start > SHOWN_AFTER_S and not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        bar.stop()


class Spinner:
    """Says on stderr what is waited for, once that has taken a second, and keeps out of the way of lines.

    Where stderr is no terminal it only prints the lines.
    """

    def __init__(self, label: str, *, shown: bool) -> None:
        self.label = label
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._drawn = False
        self._thread = threading.Thread(target=self._turn, daemon=True) if shown else None

    def print(self, line: str) -> None:
        """A line on stdout, above the spinner."""
        with self._lock:
            self._clear()
            click.echo(line)

    def __enter__(self) -> Spinner:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._clear()

    def _turn(self) -> None:
        wait = SHOWN_AFTER_S
        for frame in itertools.cycle(_FRAMES):
            if self._stop.wait(wait):
                return
            wait = 0.12
            with self._lock:
                self._draw(f"{frame} {self.label[:70]} …")

    def _draw(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()
        self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._drawn = False


def waiting(label: str) -> Spinner:
    """A spinner, for a `with`."""
    return Spinner(label, shown=sys.stderr.isatty())


def size(count: int) -> str:
    """Bytes in words: 512 B, 1.4 MB."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"
