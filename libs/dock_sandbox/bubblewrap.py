"""Pure: the command line that puts a worker into a sandbox."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dock_sandbox.port import Limits, SandboxSpec
from dock_sandbox.trap import trap_plan
from learndock.runtime import LAUNCHER, RUNTIME_DIR, WORKER

NOBODY = 65532
PACKAGE = "/package"
RUNTIME = "/runtime"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_CPU_SECONDS = 10_000_000
_SHARED_MEMORY_BYTES = 64 << 20

ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own
    "TMPDIR": "/tmp",  # noqa: S108
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "model",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MPLCONFIGDIR": "/tmp",  # noqa: S108
}
"""All variables of a sandbox."""


FENCE = {"read": ["/"], "write": ["/tmp", "/dev/shm", "/dev/null", "/dev/zero", "/dev/full"]}  # noqa: S108
"""What Landlock leaves of a sandbox: the mounts say the same, and a way round one is none round the other."""


@dataclass(frozen=True)
class Descriptors:
    """Numbers of what is inherited: the channel's two ends, where bubblewrap reports its child, and more for it."""

    requests: int
    answers: int
    info: int
    syscalls: int = -1
    """Where bubblewrap reads the filter of system calls; -1 for none."""
    leave: int = -1
    """Where bubblewrap waits for leave to go on; -1 for no waiting."""
    trap: int = -1
    """Socket for the listener of the trap for forbidden calls; -1 for no trap."""


def bubblewrap_path() -> str | None:
    """Where bubblewrap is, if it is."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin") or shutil.which("bwrap")


def make_command(bwrap: str, spec: SandboxSpec, descriptors: Descriptors, *, uid: int | None) -> list[str]:
    """Command that runs the worker under bubblewrap.

    `uid` is the unprivileged user that the launcher becomes where root starts it; None starts in a user namespace
    of its own instead, with every privilege gone from the start.
    """
    return [
        bwrap,
        *_namespaces(uid),
        *_root(spec),
        *_variables(ENVIRONMENT),
        *(("--seccomp", str(descriptors.syscalls)) if descriptors.syscalls >= 0 else ()),
        *(("--block-fd", str(descriptors.leave)) if descriptors.leave >= 0 else ()),
        *("--chdir", "/tmp", "--info-fd", str(descriptors.info), "--"),  # noqa: S108
        *worker_command(spec, descriptors, uid=uid, package=PACKAGE, runtime=RUNTIME, fenced=True),
    ]


def worker_command(
    spec: SandboxSpec, descriptors: Descriptors, *, uid: int | None, package: str, runtime: str, fenced: bool
) -> list[str]:
    """The launcher and, after it, the worker; behind Landlock's fence and the trap where it is `fenced`."""
    keep = [descriptors.requests, descriptors.answers]
    plan: dict[str, object] = {"uid": uid, "limits": resource_limits(spec.limits), "keep": keep}
    plan |= {"fence": FENCE, "trap": trap_plan(descriptors.trap)} if fenced else {}
    launcher = [str(spec.python), "-I", "-S", "-B", f"{runtime}/{LAUNCHER}", json.dumps(plan)]
    worker = [str(spec.python), "-I", "-B", "-X", "faulthandler", f"{runtime}/{WORKER}"]
    return [*launcher, *worker, *map(str, keep), package]


def resource_limits(limits: Limits) -> dict[str, int]:
    """Limits of the kernel for each process, by name in the `resource` module."""
    return {
        # Address space holds what is mapped and never touched too; what is resident is watched from outside.
        "RLIMIT_AS": 2 * limits.memory_bytes,
        # Processor time is watched from outside too, and exactly; a model that could read its bound here would know
        # whether it is checked or served.
        "RLIMIT_CPU": _CPU_SECONDS,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_NOFILE": 512,
        "RLIMIT_FSIZE": limits.scratch_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 1 << 16,
        "RLIMIT_MSGQUEUE": 0,
    }


def _namespaces(uid: int | None) -> list[str]:
    shared = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    shared += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if uid is None:
        number = str(NOBODY)
        return ["--unshare-user", "--disable-userns", "--uid", number, "--gid", number, *shared]
    return [*shared, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _root(spec: SandboxSpec) -> list[str]:
    binds = [*_system(), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    # Before the places of the environment, one of which may lie under /tmp.
    binds += _tmpfs("/tmp", spec.limits.scratch_bytes)  # noqa: S108
    binds += _tmpfs("/dev/shm", min(_SHARED_MEMORY_BYTES, spec.limits.scratch_bytes))  # noqa: S108
    places = _own_places(spec.environment_dirs)
    for parent in _parents(places):
        binds += ["--perms", "0755", "--dir", parent]
    for place in places:
        binds += ["--ro-bind", place, place]
    binds += ["--ro-bind", str(spec.package_dir), PACKAGE, "--ro-bind", str(RUNTIME_DIR), RUNTIME]
    return [*binds, "--remount-ro", "/dev", "--remount-ro", "/"]


def _system() -> list[str]:
    found: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            found += ["--ro-bind", name, name]
    return found


def _own_places(folders: Sequence[Path]) -> list[str]:
    outside = {str(folder) for folder in folders if not folder.is_relative_to("/usr")}
    return sorted(outside)


def _parents(places: Sequence[str]) -> list[str]:
    """Folders above the places, made by hand: what bubblewrap makes on its way only root may enter."""
    above = {str(parent) for place in places for parent in Path(place).parents}
    inside = [parent for parent in above if not any(Path(parent).is_relative_to(place) for place in places)]
    return sorted(set(inside) - {"/", "/tmp"})  # noqa: S108


def _tmpfs(place: str, size: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size), "--tmpfs", place]


def _variables(variables: Mapping[str, str]) -> list[str]:
    arguments = ["--clearenv"]
    for name, value in variables.items():
        arguments += ["--setenv", name, value]
    return arguments
