"""What this machine can isolate with, found out by trying."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import lru_cache

from dock_sandbox.bubblewrap import NOBODY, bubblewrap_path
from dock_sandbox.hierarchy import hierarchy
from dock_sandbox.surroundings import surroundings
from dock_sandbox.syscalls import make_filter
from learndock.errors import Unavailable
from learndock.runtime import landlock

_INSTALL = "Install it: `apt install bubblewrap` or `dnf install bubblewrap`."
_NAMESPACES = (
    "Allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`, `sysctl user.max_user_namespaces=10000`, and, "
    "where AppArmor restricts them, `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, start it "
    "with the right to make namespaces."
)
_GROUPS = (
    "Leave the dock a control group: in a systemd unit, `Delegate=yes` and `DelegateSubgroup=dock`; it is no must, but "
    "without one a model can hide memory that it shares with itself."
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is as it should be, and what to do where it is not.

    What is not `needed` makes the isolation better, and nothing is refused without it.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def isolation_report() -> list[Finding]:
    """What there is to isolate models with, for `dock doctor`."""
    return [_bubblewrap(), *([_namespaces()] if bubblewrap_path() else []), _process_limit(), *_better()]


def require_isolation() -> None:
    """Unavailable SANDBOX_MISSING where bubblewrap is missing or does not work."""
    for finding in _needed():
        if not finding.ok:
            _needed.cache_clear()
            raise Unavailable(
                f"Models cannot be isolated on this machine: {finding.detail}",
                reason="SANDBOX_MISSING",
                hint=f"{finding.remedy} Or accept the risk, for packages you trust: `--unsafe-local`.",
            )


@lru_cache(maxsize=1)
def _needed() -> tuple[Finding, ...]:
    found = _bubblewrap()
    return (found, _namespaces()) if found.ok else (found,)


def _bubblewrap() -> Finding:
    path = bubblewrap_path()
    if path is None:
        return Finding("bubblewrap", ok=False, detail="bubblewrap (bwrap) is not installed.", remedy=_INSTALL)
    version = _version(path)
    if version < (0, 8):
        detail = f"bubblewrap {'.'.join(map(str, version))} is older than 0.8."
        return Finding("bubblewrap", ok=False, detail=detail, remedy=_INSTALL)
    return Finding("bubblewrap", ok=True, detail=f"bubblewrap {'.'.join(map(str, version))} at {path}")


def _namespaces() -> Finding:
    bwrap = bubblewrap_path() or "bwrap"
    user = [] if os.geteuid() == 0 else ["--unshare-user", "--disable-userns", "--uid", str(NOBODY)]
    command = [bwrap, *user, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--ro-bind", "/", "/"]
    command += ["--proc", "/proc", "--dev", "/dev", "--cap-drop", "ALL", "--die-with-parent", "--", "true"]
    tried = _run(command, timeout_s=30)
    if tried.returncode:
        said = tried.stderr.strip()[-300:]
        return Finding("namespaces", ok=False, detail=f"Namespaces cannot be made: {said}", remedy=_NAMESPACES)
    return Finding("namespaces", ok=True, detail="own process, network, mount, IPC and host name spaces work")


def _process_limit() -> Finding:
    if os.geteuid() == 0:
        return Finding("process limit", ok=True, detail="each sandbox runs as an unprivileged user of its own")
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if release < (5, 14):
        detail = f"Linux {release[0]}.{release[1]} counts processes over all sandboxes of a user."
        return Finding("process limit", ok=False, detail=detail, remedy="Run Linux 5.14 or newer.")
    return Finding("process limit", ok=True, detail="the kernel counts processes in each sandbox by itself")


def _better() -> list[Finding]:
    return [_memory(), _landlock(), _trap()]


def _memory() -> Finding:
    found = hierarchy()
    if found is not None:
        detail = f"the kernel bounds each sandbox in a control group of its own (version {found.version})"
        return Finding("memory", ok=True, detail=detail)
    detail = "memory is counted by /proc: this process may make no control groups"
    return Finding("memory", ok=False, detail=detail, remedy=_GROUPS, needed=False)


def _trap() -> Finding:
    if make_filter() is None:
        detail = f"there is no filter of system calls for {platform.machine()}"
        return Finding("system calls", ok=False, detail=detail, remedy="Run it on x86_64 or aarch64.", needed=False)
    return Finding("system calls", ok=True, detail="a filter refuses what no model needs, and ends what attacks")


def _landlock() -> Finding:
    known = landlock.version()
    if known:
        return Finding("landlock", ok=True, detail=f"the kernel's Landlock, version {known}, is a second fence")
    remedy = "Run Linux 5.13 or newer with `lsm=landlock,…` among its boot options; it is no must."
    return Finding("landlock", ok=False, detail="the kernel has no Landlock", remedy=remedy, needed=False)


def _version(path: str) -> tuple[int, ...]:
    said = _run([path, "--version"], timeout_s=10)
    numbers = said.stdout.split()[-1:] or ["0"]
    return tuple(int(part) for part in numbers[0].split(".") if part.isdigit())


def _run(command: list[str], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - an argument list of our own making
        command, capture_output=True, text=True, timeout=timeout_s, check=False, env=surroundings()
    )
