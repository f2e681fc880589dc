"""What starts a sandbox dies: nothing of the sandbox may live on."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time

import pytest

from dock_sandbox.contract import appears, runs

PROGRAM = """
import sys, threading
from pathlib import Path
from dock_sandbox import Limits, ProcessSandbox, SandboxSpec

dirs = [Path(sys.prefix), Path(sys.base_prefix)]
spec = SandboxSpec(Path(sys.argv[1]), Path(sys.prefix) / "bin" / "python", dirs, "__init__.py", "Model", {}, Limits())
sandbox = ProcessSandbox().start(spec)
sandbox.instantiate()
print("up", flush=True)
sandbox.predict(["x"])
"""
MODEL = """
import subprocess, sys, time


class Model:
    def __init__(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "{marker}"], start_new_session=True)

    def predict(self, X):
        time.sleep(600)
"""


@pytest.mark.sandbox
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_process_that_started_it(tmp_path, end):
    marker = f"orphan-{secrets.token_hex(8)}"
    (tmp_path / "__init__.py").write_text(MODEL.replace("{marker}", marker))
    tmp_path.chmod(0o755)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True) as dock:
        assert dock.stdout.readline().strip() == "up"
        there = appears(marker)
        dock.send_signal(end)
        dock.wait(10)
    deadline = time.monotonic() + 10
    while runs(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there
    assert not runs(marker)
