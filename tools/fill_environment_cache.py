"""Put the wheels that sandbox environments of the tests and of the demo need into uv's cache.

Building each environment once is the surest way: what this did, offline building can do again.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from dock_sandbox.environment import EnvironmentBuilder
from learndock.package import EnvironmentRequest

REQUIREMENTS: tuple[tuple[str, ...], ...] = (
    ("numpy",),
    (f"numpy=={version('numpy')}",),
    ("numpy", "joblib"),
    ("numpy", "scikit-learn"),
    (f"numpy=={version('numpy')}", f"scikit-learn=={version('scikit-learn')}"),
    (f"scikit-learn=={version('scikit-learn')}",),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        builder = EnvironmentBuilder(Path(folder))
        for requirements in REQUIREMENTS:
            print(f"set-up: wheels of sandbox environments: {', '.join(requirements)}", flush=True)
            builder.build(EnvironmentRequest("", requirements, "requirements.txt", ()), _say)


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
