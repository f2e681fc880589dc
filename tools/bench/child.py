"""Runs one benchmark in a process of its own and writes what it found as JSON: child.py NAME OUT [--quick]."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from table import Table

LIBRARIES = ("numpy", "scipy", "scikit-learn")


def main() -> None:
    name, out, *rest = sys.argv[1:]
    started = time.perf_counter()
    tables: list[Table] = importlib.import_module(name).tables(quick="--quick" in rest)
    document = {
        "module": name,
        "quick": "--quick" in rest,
        "seconds": time.perf_counter() - started,
        "circumstances": circumstances(),
        "tables": [table.to_json() for table in tables],
    }
    Path(out).write_text(json.dumps(document, indent=1, default=float), encoding="utf-8")


def circumstances() -> dict[str, Any]:
    """What the numbers depend on and a reader may know: cores and versions, never names or paths."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores,
        "python": platform.python_version(),
        "libraries": {library: metadata.version(library) for library in LIBRARIES if _is_there(library)},
    }


def _is_there(library: str) -> bool:
    try:
        metadata.version(library)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
