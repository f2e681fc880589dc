"""Starting a sandbox's processes, and ending them with everything they started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dock_sandbox.bubblewrap import Descriptors
from dock_sandbox.census import usage
from dock_sandbox.syscalls import make_filter

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


def launch(
    make: Callable[[Descriptors], Sequence[str]], variables: Mapping[str, str], *, namespaced: bool
) -> Processes:
    """Start the command that `make` gives for the descriptors it will inherit. OSError where it cannot be started."""
    requests, answers, info, log = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    syscalls = _filter() if namespaced else -1
    theirs = Descriptors(requests[0], answers[1], info[1], syscalls)
    try:
        monitor = _spawn(make(theirs), theirs, log[1], variables)
    except BaseException:
        for end in (requests[1], answers[0], log[0], info[0]):
            os.close(end)
        raise
    finally:
        for end in (requests[0], answers[1], info[1], log[1], *_given(syscalls)):
            os.close(end)
    try:
        root_pid = _read_child(info[0]) if namespaced else monitor.pid
    finally:
        os.close(info[0])
    return Processes(monitor, root_pid or monitor.pid, requests[1], answers[0], log[0], namespaced)


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
        pass_fds=(theirs.requests, theirs.answers, theirs.info, *_given(theirs.syscalls)),
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


def _read_child(info: int, timeout_s: float = 10.0) -> int:
    """Number of bubblewrap's child as it reports it; 0 where it reports none."""
    data, deadline = b"", time.monotonic() + timeout_s
    while b"}" not in data:
        if not select.select([info], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return 0
        chunk = os.read(info, 4096)
        if not chunk:
            return 0
        data += chunk
    return int(json.loads(data)["child-pid"])
