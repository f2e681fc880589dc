"""Write requirements.lock (what runs) and requirements-dev.lock (what checks the sources) from pyproject.toml.

Both hold for every Python from 3.10 on and carry digests, and neither names the index they came from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ("server", "reuse", "plot", "parquet")
CHECKS = ("test", "dev")


def compile_lock(out: str, extras: tuple[str, ...], constraints: tuple[str, ...] = ()) -> None:
    """Resolve the project with `extras` into the file `out` of the checkout."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "pyproject.toml", "--quiet"]
    command += ["--universal", "--python-version", "3.10", "--generate-hashes", "--no-header", "--upgrade"]
    command += [word for extra in extras for word in ("--extra", extra)]
    command += [word for path in constraints for word in ("--constraints", path)]
    subprocess.run([*command, "--output-file", out], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    # What checks the sources is the narrower of the two, so what runs is chosen to agree with it.
    compile_lock("requirements-dev.lock", RUNS + CHECKS)
    compile_lock("requirements.lock", RUNS, ("requirements-dev.lock",))
