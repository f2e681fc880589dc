"""ProcessSandbox: each model in a process of its own under bubblewrap."""

from __future__ import annotations

import os

from dock_sandbox.bubblewrap import ENVIRONMENT, Descriptors, bubblewrap_path, make_command, worker_command
from dock_sandbox.cgroup import Group
from dock_sandbox.hierarchy import hierarchy
from dock_sandbox.identity import Identity
from dock_sandbox.isolation import require_isolation
from dock_sandbox.launch import launch, launch_open
from dock_sandbox.port import Limits, SandboxSpec
from dock_sandbox.running import RunningSandbox
from dock_sandbox.strays import sweep_once
from learndock.errors import DockError, Unavailable
from learndock.runtime import RUNTIME_DIR

BUBBLEWRAP = "bubblewrap"
BUBBLEWRAP_IN_GROUP = "bubblewrap+cgroup"
UNSAFE_LOCAL = "unsafe-local"


class ProcessSandbox:
    """SandboxRunner on this machine.

    No network, a read-only root with nothing but the package, its environment and system libraries, a small /tmp,
    limits on memory, CPU time, processes, wall time and output. Memory is bounded by the kernel in a control group
    where this process may make one, and is counted by /proc elsewhere; `isolation` says which. `unsafe_local` starts
    the same worker without any of the isolation, for people who trust the package as they trust themselves.
    """

    def __init__(self, *, unsafe_local: bool = False) -> None:
        self._unsafe_local = unsafe_local

    def start(self, spec: SandboxSpec) -> RunningSandbox:
        """A sandbox whose worker is up. Unavailable SANDBOX_MISSING or SANDBOX_START_FAILED."""
        if self._unsafe_local:
            return _greeted(self._start_unsafe(spec))
        return _greeted(_start_bubblewrap(spec))

    def _start_unsafe(self, spec: SandboxSpec) -> RunningSandbox:
        def command(descriptors: Descriptors) -> list[str]:
            package, runtime = str(spec.package_dir.resolve()), str(RUNTIME_DIR)
            return worker_command(spec, descriptors, uid=None, package=package, runtime=runtime, fenced=False)

        processes = launch_open(command, ENVIRONMENT)
        return RunningSandbox(spec, processes, UNSAFE_LOCAL, lambda: None)


def _start_bubblewrap(spec: SandboxSpec) -> RunningSandbox:
    require_isolation()
    sweep_once()
    identity = Identity() if os.geteuid() == 0 else None
    group = _group(spec.limits)
    uid = identity.uid if identity else None
    bwrap = bubblewrap_path() or "bwrap"

    def release() -> None:
        if group is not None:
            group.close()
        if identity is not None:
            identity.release()

    try:
        processes = launch(lambda inherited: make_command(bwrap, spec, inherited, uid=uid), group)
    except BaseException:
        release()
        raise
    return RunningSandbox(spec, processes, BUBBLEWRAP_IN_GROUP if processes.group else BUBBLEWRAP, release)


def _group(limits: Limits) -> Group | None:
    """A control group; None where this machine has none to give, and memory is counted by /proc."""
    place = hierarchy()
    try:
        return place.make(limits) if place else None
    except OSError:
        return None


def _greeted(sandbox: RunningSandbox) -> RunningSandbox:
    try:
        sandbox.greet()
    except DockError as error:
        sandbox.close()
        if error.reason == "ENVIRONMENT_BROKEN":
            error.details["log"] = _tail(sandbox.outcome().log)
            raise
        raise Unavailable(
            f"The sandbox did not start: {error.message} {_tail(sandbox.outcome().log)}".strip(),
            reason="SANDBOX_START_FAILED",
            hint="`dock doctor` shows what this machine lacks.",
        ) from error
    return sandbox


def _tail(log: str) -> str:
    return log.strip()[-1000:]
