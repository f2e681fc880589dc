"""Make the environment of the peer, the PyPI package `learnware`, in .cache/peer-env: `make peer-env`.

Only benchmarks and the tests of compatibility use it; nothing of ours imports the peer. It takes 5 to 8 GB of disk,
for the peer needs torch and, merely to be imported, the libraries of language models. Dependencies are those of the
day the release was three weeks old: newer ones have dropped what it uses.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER_ENV = ROOT / ".cache" / "peer-env"
PEER_PYTHON = PEER_ENV / "bin" / "python"
PEER = "learnware==0.4.0.post1"
OPTIONAL = ("torch", "fast_pytorch_kmeans", "lightgbm")
"""What the peer wants besides its declared dependencies: for RKME tables and for its job selector."""
DAY = "2025-06-15"
NEEDED_GB = 12
_STAMP = PEER_ENV / ".complete"


def peer_python() -> Path | None:
    """Give the Python of a complete environment, or None."""
    return PEER_PYTHON if _STAMP.is_file() and PEER_PYTHON.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="a Python of 3.9 to 3.12 (default: this one)")
    parser.add_argument("--check", action="store_true", help="only say whether it is there")
    arguments = parser.parse_args()
    if peer_python() is not None:
        print(f"peer: {PEER} is in {PEER_ENV.relative_to(ROOT)}")
        return
    if arguments.check:
        sys.exit("peer: there is no environment; make one with: make peer-env")
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        sys.exit(f"peer: {free:.0f} GB of disk are free and {NEEDED_GB} GB are needed while it is installed.")
    _make(arguments.python)
    _STAMP.write_text(f"{PEER} {DAY}\n", encoding="utf-8")
    print(f"peer: {PEER} is in {PEER_ENV.relative_to(ROOT)}")


def _make(python: str) -> None:
    uv = ROOT / ".venv" / "bin" / "uv"
    # Its wheels stay out of the checkout's cache: docks of tests choose versions from what is there.
    environment = {"UV_HTTP_TIMEOUT": "300", **os.environ, "UV_NO_CACHE": "true"}
    environment.pop("UV_CACHE_DIR", None)
    install = [str(uv), "pip", "install", "--python", str(PEER_PYTHON), "--exclude-newer", DAY]
    for command in (
        [str(uv), "venv", "--quiet", "--clear", "--python", python, str(PEER_ENV)],
        [*install, PEER, *OPTIONAL],
        [str(PEER_PYTHON), "-c", "import learnware.specification, learnware.market, learnware.reuse"],
    ):
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if done.returncode != 0:
            sys.exit(f"peer: failed at: {' '.join(command)}\nThe lines above say why.")


if __name__ == "__main__":
    main()
