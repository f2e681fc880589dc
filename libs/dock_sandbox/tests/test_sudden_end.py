"""What starts a sandbox dies: nothing of the sandbox may live on."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dock_sandbox.bubblewrap import RUNTIME, bubblewrap_path
from dock_sandbox.contract import appears, runs
from dock_sandbox.launch import _read_child
from dock_sandbox.strays import strays, sweep_once
from learndock.runtime import LAUNCHER

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
        dock.wait(60)
    deadline = time.monotonic() + 60
    while runs(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there
    assert not runs(marker)


@pytest.mark.sandbox
def test_a_beginning_that_nobody_waits_for_is_swept(tmp_path):
    """What is left where the starter and bubblewrap die before the child runs: it waits, here for a byte."""
    info, wait = os.pipe(), os.pipe()
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    command = [bubblewrap_path(), *user, "--unshare-pid", "--ro-bind", "/", "/", "--info-fd", str(info[1])]
    command += ["--block-fd", str(wait[0]), "--", "/usr/bin/env", f"{RUNTIME}/{LAUNCHER}"]
    monitor = subprocess.Popen(command, pass_fds=[info[1], wait[0]])
    child = _read_child(info[0])
    beside = strays()
    monitor.kill()
    monitor.wait()
    left = strays()
    sweep_once.cache_clear()
    sweep_once()
    gone = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and time.monotonic() < gone:
        time.sleep(0.02)
    for end in (*info, *wait):
        os.close(end)
    assert child not in beside
    assert child in left
    assert child not in strays()
