"""How far a long command is, for somebody who watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_EVERY_S = 0.5


@contextmanager
def told(word: str) -> Iterator[Callable[[int, int], None]]:
    """Gives what is called with (done, of how many); a line on stderr grows by it, on a terminal only."""
    shown = sys.stderr.isatty()
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if shown and time.monotonic() - last > _EVERY_S:
            last = time.monotonic()
            click.echo(f"\r{done} of {total} packages {word}\x1b[K", err=True, nl=False)

    try:
        yield tell
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)
