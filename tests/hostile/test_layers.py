"""What each layer of the sandbox stops when it stands alone; together they are tested in test_escapes.py.

A probe is run four times: behind nothing, behind bubblewrap's name spaces, behind the filter of system calls, behind
Landlock, and under the limits of the kernel. The table is what docs/security.md says of the layers.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dock_sandbox.bubblewrap import bubblewrap_path
from dock_sandbox.hierarchy import hierarchy
from dock_sandbox.port import Limits
from dock_sandbox.syscalls import make_filter, make_trap
from dock_sandbox.trap import close_listener, forbidden_call, receive_listener
from learndock.runtime import LAUNCHER, RUNTIME_DIR, landlock

pytestmark = [pytest.mark.security, pytest.mark.sandbox]

PROBE = """\
import ctypes, json, os, resource, socket, sys
kernel = ctypes.CDLL(None, use_errno=True)
kernel.syscall.restype = ctypes.c_long
secret, target, port, victim = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def call(number, *arguments):
    if kernel.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "")

def connect():
    s = socket.socket(); s.settimeout(2); s.connect(("127.0.0.1", port))

def keyring():
    if kernel.syscall(ctypes.c_long(250), ctypes.c_long(0), ctypes.c_long(-3), ctypes.c_long(0)) < 0:
        raise OSError(ctypes.get_errno(), "")

deeds = {
    "read a file of the host": lambda: open(secret).read(),
    "write a file of the host": lambda: open(target, "a").write("x"),
    "connect by TCP": connect,
    "signal a process of the host": lambda: os.kill(victim, 0),
    "make a user namespace": lambda: call(272, 0x10000000),
    "ask for a keyring": keyring,
    "open more than 512 files": lambda: [os.dup(0) for _ in range(600)],
}
stopped = []
for name, deed in deeds.items():
    pid = os.fork()
    if pid == 0:
        try:
            deed()
        except BaseException:
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        stopped.append(name)
print(json.dumps(stopped))
"""


@pytest.fixture
def scene(tmp_path):
    """What the probe attacks: a file to read, one to write, a port, and a process."""
    place = Path("/var/tmp") / f"dock-layers-{os.getpid()}"
    place.mkdir()
    (place / "secret").write_text("s")
    (place / "target").write_text("t")
    listener = socket.create_server(("127.0.0.1", 0))
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield [str(place / "secret"), str(place / "target"), str(listener.getsockname()[1]), str(victim.pid)]
    victim.kill()
    victim.wait()
    listener.close()
    for name in ("secret", "target"):
        (place / name).unlink()
    place.rmdir()


def stopped(command, scene, pass_fds=()) -> set[str]:
    found = subprocess.run([*command, *scene], capture_output=True, text=True, check=False, pass_fds=pass_fds)
    assert found.returncode == 0, found.stderr
    return set(json.loads(found.stdout))


def probe() -> list[str]:
    return [sys.executable, "-c", PROBE]


def launched(fence=None, limits=None) -> list[str]:
    plan = {"uid": None, "limits": limits or {}, "keep": [], "fence": fence}
    return [sys.executable, "-I", "-S", f"{RUNTIME_DIR}/{LAUNCHER}", json.dumps(plan), *probe()]


def test_nothing_stops_nothing(scene):
    assert stopped(probe(), scene) <= {"make a user namespace", "ask for a keyring", "open more than 512 files"}


def test_name_spaces_alone(scene):
    bwrap = [bubblewrap_path(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent"]
    bwrap += ["--ro-bind", "/", "/", "--tmpfs", "/var/tmp", "--proc", "/proc", "--dev", "/dev", "--"]
    assert stopped([*bwrap, *probe()], scene) >= {
        "read a file of the host",
        "write a file of the host",
        "connect by TCP",
        "signal a process of the host",
    }


def test_the_filter_alone(scene):
    reader, writer = os.pipe()
    os.write(writer, make_filter())
    os.close(writer)
    bwrap = [bubblewrap_path(), "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--seccomp", str(reader), "--"]
    try:
        found = stopped([*bwrap, *probe()], scene, pass_fds=(reader,))
    finally:
        os.close(reader)
    assert found >= {"make a user namespace", "ask for a keyring"}
    assert not found & {"read a file of the host", "write a file of the host", "connect by TCP"}


def test_landlock_alone(scene):
    """As much as this kernel's version knows, which is nothing where it has none."""
    since = {"read a file of the host": 1, "write a file of the host": 1, "connect by TCP": 4}
    since["signal a process of the host"] = 6
    readable = ["/usr", "/lib", "/lib64", "/etc", "/proc", sys.prefix, sys.base_prefix]
    found = stopped(launched(fence={"read": readable, "write": ["/tmp", "/dev"]}), scene)
    assert found & set(since) == {deed for deed, version in since.items() if landlock.version() >= version}


def test_limits_alone(scene):
    found = stopped(launched(limits={"RLIMIT_NOFILE": 512}), scene)
    assert "open more than 512 files" in found
    assert not found & {"read a file of the host", "write a file of the host", "connect by TCP"}


@pytest.mark.skipif(hierarchy() is None, reason="this process may make no control groups here")
def test_a_control_group_alone():
    """Nobody else sees memory that was given back and is kept; the limit of the address space is far off."""
    keeps = "import mmap, sys\nsys.stdin.readline()\nkept = [mmap.mmap(-1, 32 << 20) for _ in range(8)]\n"
    keeps += "for each in kept:\n    each.write(bytes(32 << 20))\n    each.madvise(mmap.MADV_DONTNEED)\n"
    command = [sys.executable, "-c", keeps]
    assert subprocess.run(command, input=b"\n", check=False).returncode == 0
    with hierarchy().make(Limits(memory_bytes=128 << 20)) as group:
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            group.admit(process.pid)
            process.communicate(b"\n")
        counted = group.counters()
    assert process.returncode == -signal.SIGKILL
    assert counted.kills == 1
    assert counted.peak_bytes <= 128 << 20


@pytest.mark.parametrize("notify", [True, False])
def test_the_trap_alone(notify):
    """Behind the second filter a forbidden call is told of, or kills; others go through."""
    forbids = f"import sys; sys.path.insert(0, {str(RUNTIME_DIR)!r}); from forbid import forbid; import ctypes, os\n"
    forbids += "given = [bytes.fromhex(each) for each in sys.argv[1:3]]\nassert forbid(*given, int(sys.argv[3]))\n"
    forbids += "os.getpid(); print('set', flush=True); ctypes.CDLL(None).ptrace(0, 0, 0, 0)"
    telling, killing = make_trap(notify=True), make_trap(notify=False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        programs = [(telling if notify else b"").hex(), killing.hex()]
        command = [sys.executable, "-c", forbids, *programs, str(theirs.fileno())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()]) as process:
            listener = receive_listener(ours, 20)
            assert process.stdout.readline() == "set\n"
            assert (listener >= 0) == notify
            if notify:
                assert select.select([listener], [], [], 20)[0]
                assert forbidden_call(listener) == "ptrace"
                process.kill()
                close_listener(listener)
            process.wait(60)
    assert process.returncode == -(signal.SIGKILL if notify else signal.SIGSYS)
