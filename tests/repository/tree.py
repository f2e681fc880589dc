"""The files of this repository, as git sees them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Files that are tracked, or would be: below the root, ignored ones left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    if done.returncode != 0:  # an unpacked archive has no git
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts)
    names = {name for name in done.stdout.decode().split("\0") if name}
    return tuple(path for name in sorted(names) if (path := ROOT / name).is_file())


def sources() -> list[Path]:
    """Python files written by hand."""
    return [path for path in files() if path.suffix == ".py" and "dockapi" not in path.relative_to(ROOT).parts]


def texts() -> list[tuple[str, str]]:
    """Name and content of every file that is text."""
    found = []
    for path in files():
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found
