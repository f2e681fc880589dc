from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dock_sandbox import Limits, ProcessSandbox, isolation_report
from dock_sandbox.cgroup import PREFIX, Group, Hierarchy
from dock_sandbox.contract.cases import ROWS, model_source, reason_of
from dock_sandbox.hierarchy import Mount, folder_of, hierarchy, read_mounts, read_own
from dock_sandbox.tests.test_process import spec_of

PLACE = hierarchy()
kernel = pytest.mark.skipif(PLACE is None, reason="this process may make no control groups here")
LIMITS = Limits(memory_bytes=256 << 20, processes=40, call_seconds=30)
HIDDEN = "import mmap\nkept = []\nfor _ in range(16):\n    kept.append(mmap.mmap(-1, 32 << 20))\n"
HIDDEN += "    kept[-1].write(bytes(32 << 20))\n    kept[-1].madvise(mmap.MADV_DONTNEED)\nreturn X"
FILES = "for number in range(64):\n    os.write(os.memfd_create(str(number)), bytes(16 << 20))\nreturn X"
CHILD = "if os.fork() == 0:\n    np.ones(40 << 20)\n    os._exit(0)\nos.wait()\ntime.sleep(20)\nreturn X"
HOLDER = """
import os, subprocess, sys, time
from dock_sandbox.hierarchy import hierarchy
from dock_sandbox.port import Limits
group = hierarchy().make(Limits())
left = subprocess.Popen(["/bin/sleep", "600"])
group.admit(left.pid)
print(group.folder.name, left.pid, flush=True)
time.sleep(600)
"""


def start(folder, body):
    return ProcessSandbox().start(spec_of(folder / "package", model_source(body), limits=LIMITS))


@kernel
@pytest.mark.sandbox
def test_a_sandbox_has_a_group_of_its_own_with_everybody_in_it(tmp_path):
    with start(tmp_path, "return X") as sandbox:
        sandbox.instantiate()
        sandbox.predict(ROWS)
        group = sandbox._processes.group
        inside = (group.folder / "cgroup.procs").read_text().split()
        assert sandbox.isolation == "bubblewrap+cgroup"
        assert str(sandbox._processes.root_pid) in inside
        assert len(inside) >= 2
        assert str(os.getpid()) not in inside
        assert group.folder.parent == PLACE.memory
        assert 0 < group.counters().peak_bytes <= LIMITS.memory_bytes
    assert not group.folder.exists()
    assert group.counters().kills == 0


@kernel
@pytest.mark.sandbox
@pytest.mark.parametrize("body", [HIDDEN, FILES, CHILD], ids=["given back and kept", "files without a name", "a child"])
def test_no_memory_escapes_the_kernels_count(tmp_path, body):
    with start(tmp_path, body) as sandbox:
        sandbox.instantiate()
        assert reason_of(lambda: sandbox.predict(ROWS)) == "SANDBOX_MEMORY"
        counted = sandbox._processes.group.counters()
        text = sandbox.outcome().text
    assert counted.kills >= 1
    assert 0.9 * LIMITS.memory_bytes < counted.peak_bytes <= LIMITS.memory_bytes
    assert text.startswith(f"The model was killed at its memory limit of {LIMITS.memory_bytes} bytes by the cgroup")


@pytest.mark.sandbox
def test_without_groups_memory_is_counted_by_proc(tmp_path, monkeypatch):
    monkeypatch.setattr("dock_sandbox.process.hierarchy", lambda: None)
    with start(tmp_path, "kept = np.ones(40 << 20)\ntime.sleep(20)") as sandbox:
        sandbox.instantiate()
        assert sandbox.isolation == "bubblewrap"
        assert reason_of(lambda: sandbox.predict(np.zeros((2, 2)))) == "SANDBOX_MEMORY"
        assert sandbox.outcome().text == f"The model used more than {LIMITS.memory_bytes} bytes of memory."


@kernel
def test_what_a_dead_process_left_is_swept_and_nothing_else():
    with PLACE.make(LIMITS) as mine:
        with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as other:
            name, left = other.stdout.readline().split()
            theirs = PLACE.memory / name
            PLACE.sweep()
            assert theirs.is_dir()
            assert Path(f"/proc/{left}").exists()
            other.send_signal(signal.SIGKILL)
        PLACE.sweep()
        assert not theirs.exists()
        assert not Path(f"/proc/{left}/exe").exists()
        assert mine.folder.is_dir()


def test_limits_in_version_2_are_memory_no_swap_processes_and_all_at_once(tmp_path):
    controls = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs")
    for name in controls:
        (tmp_path / name).touch()
    group = Group(2, [tmp_path])
    group.limit(LIMITS)
    group.admit(17)
    written = {name: int((tmp_path / name).read_text()) for name in controls}
    (tmp_path / "memory.peak").write_text("4096\n")
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 1\n")
    counted = group.counters()
    group.close(0)
    assert written == {
        "memory.max": LIMITS.memory_bytes,
        "memory.swap.max": 0,
        "memory.oom.group": 1,
        "pids.max": LIMITS.processes + 2,
        "cgroup.procs": 17,
    }
    assert (counted.peak_bytes, counted.kills) == (4096, 1)


def test_a_folder_without_the_kernels_controls_is_no_hierarchy(tmp_path):
    with pytest.raises(FileNotFoundError):
        Hierarchy(2, tmp_path).make(LIMITS)
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_mounts_and_own_groups_are_read_as_the_kernel_writes_them(tmp_path):
    text = (
        "24 1 0:21 / /proc rw - proc proc rw\n"
        "33 31 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
        f"34 31 0:29 /user.slice {tmp_path} rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    first, second = read_mounts(text)
    assert "memory" in first.controllers
    assert second == Mount("/user.slice", tmp_path, frozenset())
    assert read_own("4:cpu,memory:/a\n0::/user.slice/b\n") == {"cpu": "/a", "memory": "/a", "": "/user.slice/b"}
    (tmp_path / "b").mkdir()
    assert folder_of(second, "/user.slice/b") == tmp_path / "b"
    assert folder_of(second, "/system.slice") is None
    assert folder_of(second, "/user.slice/gone") is None


def test_the_report_says_how_memory_is_bounded():
    [found] = [finding for finding in isolation_report() if finding.name == "memory"]
    assert found.ok == (PLACE is not None)
    assert not found.needed or found.ok
    assert ("control group" if PLACE else "/proc") in found.detail
