"""A page of the reference that a generator writes, or with `--check` only holds against what it would write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def write_or_check(path: Path, make: Callable[[], str], description: str | None) -> None:
    """Be the program of a generator: write the page, or end with an error where the committed one is stale."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where the page is stale")
    check = parser.parse_args().check
    fresh = make()
    if not check:
        path.write_text(fresh, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != fresh:
        sys.exit(f"{path.name} is stale: run `make generate`")
