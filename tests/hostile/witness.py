"""Sees from outside whether a sandbox was left: listeners, files, processes, and the state of the kernel."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dock_sandbox.contract.observation import runs

KERNEL = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sysvipc/shm",
    "/proc/sysvipc/msg",
    "/proc/sysvipc/sem",
    "/proc/self/mounts",
    "/proc/modules",
)


KEY = 0x5150
"""Under which the deeds ask for System V memory and messages; servers of this machine have others."""


def _kernels(path: Path) -> str:
    text = path.read_text()
    if path.parent.name != "sysvipc":
        return text
    return "".join(line for line in text.splitlines() if line.split()[0] == str(KEY))


def _tcp(family: socket.AddressFamily, host: str) -> socket.socket | None:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.bind((host, 0))
    except OSError:  # a machine without that family
        listener.close()
        return None
    listener.listen()
    return listener


@dataclass
class Witness:
    """Everything a deed could touch, and how it was before. `patience_s` is how long what was ended may take to go."""

    folder: Path
    watched: list[Path] = field(default_factory=list)
    marker: str = field(default_factory=lambda: f"dock{secrets.token_hex(8)}")
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.neighbour = self.folder / "neighbour"
        self.neighbour.mkdir()
        (self.neighbour / "weights").write_bytes(b"theirs")
        self.secret = self.folder / "secret"
        self.secret.write_text(f"secret-{self.marker}")
        self.listeners = self._listen()
        self.victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        self.before = self.state()

    def _listen(self) -> dict[str, socket.socket]:
        found = {"tcp": _tcp(socket.AF_INET, "127.0.0.1"), "tcp6": _tcp(socket.AF_INET6, "::1")}
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        for name, kind in (("abstract", socket.SOCK_STREAM), ("abstract-datagram", socket.SOCK_DGRAM)):
            found[name] = socket.socket(socket.AF_UNIX, kind)
            found[name].bind(f"\0{self.marker}{name.removeprefix('abstract')}")
        found["socket"] = socket.socket(socket.AF_UNIX)
        found["socket"].bind(str(self.folder / "s"))
        for name in ("abstract", "socket"):
            found[name].listen()
        found["udp"] = udp
        return {name: each for name, each in found.items() if each is not None}

    def fill(self, body: str) -> str:
        """Put what is to be attacked into a deed's text."""
        known = {name: each.getsockname()[1] for name, each in self.listeners.items() if each.family != socket.AF_UNIX}
        values = {
            "marker": self.marker,
            "secret": self.secret,
            "neighbour": self.neighbour,
            "socket": self.folder / "s",
            "abstract": self.marker,
            "tcp": known["tcp"],
            "tcp6": known.get("tcp6", known["tcp"]),
            "udp": known["udp"],
            "free": 50_999,
            "hosts": ["127.0.0.1", "10.0.0.1", "172.17.0.1", "192.168.0.1", socket.gethostname()],
            "pids": [os.getpid(), os.getppid(), self.victim.pid],
        }
        for name, value in values.items():
            body = body.replace(f"{{{name}}}", str(value))
        return body

    def breaches(self, log: str) -> list[str]:
        """What was done outside; "" in every respect where the sandbox held."""
        found = [f"{name} heard something" for name, each in self.listeners.items() if self._heard(each)]
        found += [f"{what} changed" for what, state in self.state().items() if state != self.before[what]]
        if self.victim.poll() is not None:
            found.append("a process outside was ended")
        if self._left_behind():
            found.append("a process was left behind")
        if f"secret-{self.marker}" in log:
            found.append("a secret was read")
        return found

    def state(self) -> dict[str, str]:
        """What can be compared before and after."""
        kernel = {path: _kernels(Path(path)) for path in KERNEL if Path(path).exists()}
        files = {str(path): _digest(path) for path in (self.folder, *self.watched)}
        shared = {"/dev/shm": str(_marked(Path("/dev/shm"), self.marker))}
        clock = {"the clock": str(round((time.time() - time.monotonic()) / 30))}
        marked = [
            str(place)
            for place in (Path("/"), Path("/tmp"), Path("/var/tmp"), Path("/run"))
            if _marked(place, self.marker)
        ]
        return {**kernel, **files, **shared, **clock, "marked files": str(marked)}

    def _left_behind(self) -> bool:
        end = time.monotonic() + self.patience_s
        while runs(self.marker):
            if time.monotonic() > end:
                return True
            time.sleep(0.05)
        return False

    def _heard(self, listener: socket.socket) -> bool:
        listener.setblocking(False)
        with suppress(OSError):
            if listener.type == socket.SOCK_DGRAM:
                listener.recv(1)
            else:
                listener.accept()[0].close()
            return True
        return False

    def close(self) -> None:
        """Listen no more."""
        for each in self.listeners.values():
            each.close()
        self.victim.kill()
        self.victim.wait()


def _marked(place: Path, marker: str) -> bool:
    return place.is_dir() and any(marker in path.name for path in place.iterdir())


def _digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    # A builder's lock is written each time it is held.
    for path in sorted(path for path in folder.rglob("*") if path.suffix != ".lock"):
        status = path.lstat()
        hasher.update(f"{path} {status.st_mode} {status.st_size} {status.st_mtime_ns} {status.st_uid}\n".encode())
    return hasher.hexdigest()
