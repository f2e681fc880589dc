"""Which Python an environment gets: the asked one where it is there, else the nearest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dock_sandbox.installer import Uv
from dock_sandbox.surroundings import surroundings

OLDEST = (3, 8)
"""The worker needs at least this one."""
_found: dict[str, tuple[Interpreter, ...]] = {}
_PROBE = "import json,os,sys;print(json.dumps([sys.version_info[:3],os.path.realpath(sys.executable),sys.base_prefix]))"


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    version: tuple[int, ...]
    path: Path
    base_prefix: Path

    @property
    def name(self) -> str:
        """Its version as text, "3.11.7"."""
        return ".".join(map(str, self.version))


def choose(wanted: str, found: tuple[Interpreter, ...]) -> tuple[Interpreter, str]:
    """The interpreter for a wanted version ("3.8", "3.8.10", "" for any), and a note where it is another one.

    Nearest is the least distance in minor versions, the newer one of two as near; within a minor version the newest.
    """
    parts = tuple(int(part) for part in re.findall(r"\d+", wanted)[:3])
    if not parts:
        return found[0], ""
    minor = parts[1] if len(parts) > 1 else found[0].version[1]
    best = min(found, key=lambda one: (abs(one.version[1] - minor), -one.version[1], -one.version[2]))
    if best.version[:2] == (parts[0], minor):
        return best, ""
    return best, f"Python {wanted} is not here; the nearest one, {best.name}, is used."


def find(wanted: str, uv: Uv) -> tuple[Interpreter, str]:
    """`choose` among the Pythons of this machine; looks no further where the one that runs this program will do."""
    here = own()
    best, note = choose(wanted, (here,))
    return (best, note) if not note else choose(wanted, (here, *installed(uv)))


@lru_cache(maxsize=1)
def own() -> Interpreter:
    """The Python that runs this program, without its virtual environment."""
    path = Path(getattr(sys, "_base_executable", sys.executable) or sys.executable)
    return Interpreter(tuple(sys.version_info[:3]), path.resolve(), Path(sys.base_prefix))


def installed(uv: Uv) -> tuple[Interpreter, ...]:
    """All usable Pythons that uv or pyenv know on this machine."""
    root = os.environ.get("PYENV_ROOT", "")
    if root not in _found:
        candidates = dict.fromkeys([*_known_to_uv(uv), *_known_to_pyenv(root)])
        probed = [one for one in map(probe, candidates) if one and one.version[:2] >= OLDEST]
        _found[root] = tuple({one.path: one for one in probed}.values())
    return _found[root]


def probe(path: Path) -> Interpreter | None:
    """What a Python says of itself; None where it does not run."""
    try:
        said = subprocess.run(  # noqa: S603 - interpreters of this machine
            [str(path), "-I", "-S", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            cwd="/",
            env=surroundings(),
        )
        version, real, base = json.loads(said.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(tuple(version), Path(real), Path(base))


def _known_to_uv(uv: Uv) -> list[Path]:
    asked = ["python", "list", "--only-installed", "--output-format", "json", "--no-config"]
    run = uv.run(asked, cwd=Path("/"))
    start = run.output.find("[{")
    if not run.ok or start < 0:
        return []
    listed = json.JSONDecoder().raw_decode(run.output[start:])[0]
    return [Path(one["path"]) for one in listed if one.get("implementation") == "cpython"]


def _known_to_pyenv(root: str) -> list[Path]:
    versions = Path(root or Path.home() / ".pyenv") / "versions"
    try:
        return sorted(versions.glob("3.*/bin/python3"))
    except PermissionError:  # another user's
        return []
