"""Starting a sandbox's processes, and ending them with everything they started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass

from dock_sandbox.bubblewrap import Descriptors
from dock_sandbox.census import usage
from dock_sandbox.cgroup import Group
from dock_sandbox.syscalls import make_filter
from dock_sandbox.trap import receive_listener

_PATIENCE_S = 60.0
_spawner_lock = threading.Lock()
_spawner: tuple[int, ThreadPoolExecutor] | None = None


@dataclass
class Processes:
    """A started sandbox: bubblewrap (or, without it, the worker itself), and our ends of its pipes."""

    monitor: subprocess.Popen[bytes]
    root_pid: int
    """Process that holds all others: the init of the sandbox's PID namespace."""
    requests: int
    answers: int
    log: int
    namespaced: bool
    """Whether the kernel ends all of them with `root_pid`."""
    listener: int = -1
    """Where the kernel tells of forbidden system calls; -1 for nowhere."""
    group: Group | None = None
    """The control group that all of them are in."""

    def kill(self) -> None:
        """End everything that runs in there, and wait until it is gone. Idempotent."""
        if not self.namespaced:
            self._kill_strays()
        if self.monitor.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.root_pid, signal.SIGKILL)
        try:
            # The monitor ends when the namespace's init does, which the kernel lets happen last of all.
            self.monitor.wait(5)
        except subprocess.TimeoutExpired:
            self.monitor.kill()
            self.monitor.wait()

    def exit_status(self, patience_s: float = 1.0) -> int:
        """How it ended; ends it where it lives on although its channel is closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.monitor.wait(patience_s)
        self.kill()
        return self.monitor.wait()

    def _kill_strays(self) -> None:
        """Without a namespace: all descendants that can be found, and whoever stayed in the session's first group."""
        for pid in usage(self.root_pid).pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.monitor.pid, signal.SIGKILL)


Make = Callable[[Descriptors], Sequence[str]]
"""Gives the command for the descriptors it will inherit."""


def launch_open(make: Make, variables: Mapping[str, str]) -> Processes:
    """Start a command without any isolation. OSError where it cannot be started."""
    requests, answers, log = os.pipe(), os.pipe(), os.pipe()
    with _closing(requests[0], answers[1], log[1]), _closing_on_error(requests[1], answers[0], log[0]):
        theirs = Descriptors(requests[0], answers[1], -1)
        monitor = _spawn(make(theirs), theirs, log[1], variables)
    return Processes(monitor, monitor.pid, requests[1], answers[0], log[0], namespaced=False)


def launch(make: Make, group: Group | None) -> Processes:
    """Start a command of bubblewrap's, in a control group where one is given. OSError where it cannot be started."""
    requests, answers, log, info, leave = os.pipe(), os.pipe(), os.pipe(), os.pipe(), os.pipe()
    ours, reports = socket.socketpair()
    syscalls = _filter()
    with ours, _closing(info[0], leave[1]), _closing_on_error(requests[1], answers[0], log[0]):
        with reports, _closing(requests[0], answers[1], log[1], info[1], leave[0], *_given(syscalls)):
            theirs = Descriptors(requests[0], answers[1], info[1], syscalls, leave[0], reports.fileno())
            monitor = _spawn(make(theirs), theirs, log[1], {})
        root_pid = _read_child(info[0])
        processes = Processes(monitor, root_pid or monitor.pid, requests[1], answers[0], log[0], namespaced=True)
        try:
            if group is not None and root_pid:
                _admit(group, root_pid)
                processes.group = group
            # Nothing of the package runs before this.
            os.write(leave[1], b"!")
            processes.listener = receive_listener(ours, _PATIENCE_S)
        except BaseException:
            processes.kill()
            raise
    return processes


def _admit(group: Group, root_pid: int) -> None:
    """Put in what bubblewrap has started so far; what comes of that is in there by itself."""
    for pid in usage(root_pid).pids:
        group.admit(pid)


@contextlib.contextmanager
def _closing(*descriptors: int) -> Iterator[None]:
    try:
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextlib.contextmanager
def _closing_on_error(*descriptors: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _filter() -> int:
    """A descriptor to read the filter of system calls from; -1 where there is none for this machine."""
    program = make_filter()
    if program is None:
        return -1
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(program)  # far less than a pipe holds
    return reader


def _given(descriptor: int) -> tuple[int, ...]:
    return () if descriptor < 0 else (descriptor,)


def _spawn(
    command: Sequence[str], theirs: Descriptors, log: int, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    start = lambda: subprocess.Popen(  # noqa: E731, S603 - an argument list of our own making
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[each for each in astuple(theirs) if each >= 0],
        env=dict(variables),
        cwd="/",
        start_new_session=True,
    )
    return _spawning_thread().submit(start).result()


def _spawning_thread() -> ThreadPoolExecutor:
    """A thread that lasts as long as the process: "die with parent" means the thread that started one."""
    global _spawner  # noqa: PLW0603
    with _spawner_lock:
        if _spawner is None or _spawner[0] != os.getpid():
            _spawner = (os.getpid(), ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawner"))
        return _spawner[1]


def readable(descriptor: int, timeout_s: float) -> bool:
    """Whether there is something to read, or its end, in time. By poll: select knows no descriptor beyond 1023."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1e3))


def _read_child(info: int, timeout_s: float = 10.0) -> int:
    """Number of bubblewrap's child as it reports it; 0 where it reports none."""
    data, deadline = b"", time.monotonic() + timeout_s
    while b"}" not in data:
        if not readable(info, deadline - time.monotonic()):
            return 0
        chunk = os.read(info, 4096)
        if not chunk:
            return 0
        data += chunk
    return int(json.loads(data)["child-pid"])
