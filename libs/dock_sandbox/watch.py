"""The supervisor of one sandbox: reads its output and ends it when it breaches a limit."""

from __future__ import annotations

import os
import select
import threading
import time

from dock_sandbox.census import Usage, memory_file_bytes, proportional_bytes, usage
from dock_sandbox.launch import Processes, readable
from dock_sandbox.log import Log
from dock_sandbox.port import Limits
from dock_sandbox.trap import close_listener, forbidden_call

_PERIOD_S = 0.1


class Watch:
    """A thread beside a sandbox. `breach` is "" until a limit was breached, then the reason; the first one stays."""

    def __init__(self, processes: Processes, limits: Limits, log: Log) -> None:
        self._processes = processes
        self._limits = limits
        self._log = log
        self._lock = threading.Lock()
        self._ends_at = time.monotonic() + limits.wall_seconds
        self._stopping = threading.Event()
        self._reading = threading.Lock()
        self._ended = False
        self.breach = ""
        self.breach_text = ""
        self._thread = threading.Thread(target=self._run, name="sandbox-watch", daemon=True)
        self._thread.start()

    def end(self, reason: str, text: str) -> None:
        """End the sandbox for this reason, unless it has ended for another one."""
        with self._lock:
            if not self.breach:
                self.breach, self.breach_text = reason, text
        self._processes.kill()

    def judge_group(self) -> bool:
        """End the sandbox where the kernel killed something in its control group for memory; whether it did."""
        group = self._processes.group
        if group is None or not group.counters().kills:
            return False
        limit, peak = self._limits.memory_bytes, group.counters().peak_bytes
        text = f"The model was killed at its memory limit of {limit} bytes by the cgroup, which counted up to {peak}."
        self.end("SANDBOX_MEMORY", text)
        return True

    def settle(self, patience_s: float = 0.5) -> None:
        """Wait until what was printed so far is in the log, but not for long."""
        deadline = time.monotonic() + patience_s
        while self._unread() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _unread(self) -> bool:
        if not self._thread.is_alive():
            return False
        if self._processes.monitor.poll() is not None:
            return True
        with self._reading:
            return not self._ended and readable(self._processes.log, 0.0)

    def stop(self) -> None:
        """End the sandbox without a reason, read the rest of its log, and let the thread go. Idempotent."""
        self._stopping.set()
        self._processes.kill()
        self._thread.join()

    def _run(self) -> None:
        try:
            next_count = 0.0
            while self._read_log():
                self._mind_the_trap()
                if time.monotonic() >= next_count:
                    self._count()
                    next_count = time.monotonic() + _PERIOD_S
        finally:
            with self._reading:
                self._ended = True
                os.close(self._processes.log)
                close_listener(self._processes.listener)

    def _read_log(self) -> bool:
        """Read what is there; False at the end of the output."""
        descriptor = self._processes.log
        if not self._wait(descriptor):
            return not (self._stopping.is_set() or self._processes.monitor.poll() is not None)
        with self._reading:
            data = os.read(descriptor, 1 << 16)
            fits = self._log.add(data)
        if not fits:
            self.end("SANDBOX_LOG_TOO_LARGE", f"The model printed more than {self._limits.log_bytes} bytes.")
        return bool(data)

    def _wait(self, log: int) -> bool:
        """Until something was printed, somebody stepped into the trap, or for a while; whether there is output."""
        poll = select.poll()
        poll.register(log, select.POLLIN)
        if self._processes.listener >= 0:
            poll.register(self._processes.listener, select.POLLIN)
        ready = poll.poll(_PERIOD_S * 1000)
        hung_up = ready and not any(descriptor == log or event & select.POLLIN for descriptor, event in ready)
        if hung_up:
            # All whom the trap was set for are gone: nothing more to hear, and no reason to spin.
            self._stopping.wait(_PERIOD_S)
        return any(descriptor == log for descriptor, _ in ready)

    def _mind_the_trap(self) -> None:
        if self._processes.listener < 0:
            return
        call = forbidden_call(self._processes.listener)
        if call:
            self.end("SANDBOX_FORBIDDEN_SYSCALL", f"The model was killed by the system-call filter: it called {call}.")

    def _count(self) -> None:
        used = usage(self._processes.root_pid)
        if time.monotonic() > self._ends_at:
            self.end("SANDBOX_TIMEOUT", f"The sandbox ran longer than {self._limits.wall_seconds:g} s.")
        elif used.cpu_seconds > self._limits.cpu_seconds:
            self.end("SANDBOX_CPU", f"The model used more than {self._limits.cpu_seconds} s of CPU time.")
        elif len(used.pids) > self._limits.processes + 2:
            self.end("SANDBOX_PROCESSES", f"The model ran more than {self._limits.processes} processes.")
        elif self._processes.group is not None:
            self.judge_group()
        else:
            self._weigh(used)

    def _weigh(self, used: Usage) -> None:
        """Count from outside where no group does: it would count what many share, as libraries, a little otherwise."""
        files = memory_file_bytes(used.pids)
        if used.resident_bytes + files <= self._limits.memory_bytes:
            return
        if proportional_bytes(used.pids) + files > self._limits.memory_bytes:
            self.end("SANDBOX_MEMORY", f"The model used more than {self._limits.memory_bytes} bytes of memory.")
