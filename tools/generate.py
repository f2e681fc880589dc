"""Run every generator of this folder; `--check` changes nothing and fails where a committed file is stale."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    flags = ["--check"] if parser.parse_args().check else []
    generators = sorted(TOOLS.glob("generate_*.py"), key=lambda path: (path.name != "generate_stubs.py", path.name))
    results = [
        subprocess.run([sys.executable, "-m", f"tools.{path.stem}", *flags], cwd=TOOLS.parent, check=False)
        for path in generators
    ]
    stale = [path.name for path, result in zip(generators, results, strict=True) if result.returncode != 0]
    if stale:
        sys.exit("failed: " + ", ".join(stale))


if __name__ == "__main__":
    main()
