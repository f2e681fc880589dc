"""uv, the program that resolves and installs environments: found, run with argument lists, its complaints sorted."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dock_sandbox.surroundings import surroundings
from learndock.errors import Unavailable

OnLine = Callable[[str], None]

_NETWORK = ("error sending request", "Failed to fetch", "dns error", "Could not connect", "operation timed out")
_OFFLINE = ("network was disabled", "Network connectivity is disabled", "not found in the cache")


@dataclass(frozen=True)
class Run:
    """How one run of uv ended."""

    ok: bool
    output: str

    @property
    def index_down(self) -> bool:
        """Whether it failed because an index did not answer."""
        return not self.ok and any(sign in self.output for sign in _NETWORK)

    @property
    def cache_short(self) -> bool:
        """Whether it failed because something is not in the cache and the network is off."""
        return not self.ok and any(sign in self.output for sign in _OFFLINE)


class Uv:
    """Runs uv with the user's own settings and caches, and with nothing else that the dock was given."""

    def __init__(self, path: Path | None = None, *, offline: bool = False, timeout_s: float = 900.0) -> None:
        self._path = path or find_uv()
        self._offline = offline
        self._timeout_s = timeout_s

    def run(self, arguments: Sequence[str], *, cwd: Path, on_line: OnLine | None = None) -> Run:
        """Run it in a folder; its lines go to `on_line` as they come."""
        lines: list[str] = []
        with subprocess.Popen(  # noqa: S603 - an argument list; names in it were validated by the package's reader
            [str(self._path), *arguments],
            cwd=cwd,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            umask=0o022,
        ) as process:
            timer = threading.Timer(self._timeout_s, process.kill)
            timer.start()
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if on_line:
                    on_line(lines[-1])
            code = process.wait()
            timer.cancel()
        return Run(code == 0, "\n".join(lines))

    def must(self, arguments: Sequence[str], *, cwd: Path, on_line: OnLine | None = None) -> Run:
        """Run it; Unavailable where it fails for reasons that are none of the package's."""
        run = self.run(arguments, cwd=cwd, on_line=on_line)
        if not run.ok:
            refuse_host_faults(run)
            raise Unavailable(
                f"The environment could not be installed: {run.output[-600:]}",
                reason="ENVIRONMENT_INSTALL_FAILED",
                hint="See that there is room on the disk and that the cache can be written, then try again.",
            )
        return run

    def _variables(self) -> dict[str, str]:
        variables = surroundings() | {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        return {**variables, "UV_OFFLINE": "1"} if self._offline else variables


def refuse_host_faults(run: Run) -> None:
    """Unavailable where a run failed for want of an index or of the network; else nothing."""
    if run.cache_short:
        raise Unavailable(
            f"What the environment needs is not in the cache, and the network is off: {run.output[-400:]}",
            reason="ENVIRONMENT_NOT_CACHED",
            hint="Build it once with the network on.",
        )
    if run.index_down:
        raise Unavailable(
            f"The package index does not answer: {run.output[-400:]}",
            reason="ENVIRONMENT_INDEX_DOWN",
            hint="Check the network and uv's settings, then try again.",
            retry_after_s=30.0,
        )


def find_uv() -> Path:
    """Where uv is: the one installed with us, else one on the PATH. Unavailable UV_MISSING."""
    try:
        import uv  # noqa: PLC0415 - a client without the server extra may have it elsewhere

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise Unavailable(
            "uv, which builds the environments of packages, is not installed.",
            reason="UV_MISSING",
            hint="Install it: `pip install uv`.",
        )
    return Path(found)
