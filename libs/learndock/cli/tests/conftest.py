"""A terminal to type into, small tables, a small package, and a real dock for those tests that need one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from learndock.cli.main import dock

Type = Callable[..., Result]

MODEL = """\
import numpy as np


class Model:
    def __init__(self):
        self.input_shape = (2,)
        self.output_shape = (2,)

    def predict(self, X):
        right = (np.asarray(X)[:, 0] > 0).astype(float)
        return np.stack([1 - right, right], axis=1)
"""


@pytest.fixture
def type_in(monkeypatch, tmp_path) -> Type:
    """Type `dock …` in a folder of its own; no dock answers unless the test starts one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCK_URL", "127.0.0.1:1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DOCK_DEBUG", raising=False)
    runner = CliRunner()
    return lambda *words, **given: runner.invoke(dock, [str(word) for word in words], **given)


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A table with two columns of numbers and one of words."""
    rng = np.random.default_rng(0)
    lines = ["length,width,kind"]
    for _ in range(40):
        x, y = rng.normal(size=2)
        lines.append(f"{x:.4f},{y:.4f},{'big' if x > 0 else 'small'}")
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def package(type_in: Type, flowers: Path, tmp_path: Path) -> Path:
    """A package that passes: numpy alone, made with `dock init`."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "__init__.py").write_text(MODEL)
    done = type_in("init", tmp_path / "flowers", "--model", code, "--data", flowers, "--target", "kind")
    assert done.exit_code == 0, done.output
    return tmp_path / "flowers"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """`dock up` in a process of its own."""
    data = tmp_path_factory.mktemp("dock") / "data"
    log = (data.parent / "log").open("wb")
    command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ.copy())
    try:
        end = time.monotonic() + 180
        while not (data / "address").exists():
            assert process.poll() is None, (data.parent / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield (data / "address").read_text().strip()
    finally:
        process.terminate()
        process.wait(60)
        log.close()
