"""Environments of packages: locked, built once for each lock, kept in a folder, mounted read-only."""

from __future__ import annotations

import fcntl
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dock_sandbox.installer import Uv
from dock_sandbox.interpreter import Interpreter, find
from dock_sandbox.resolution import Lock, resolve
from learndock.errors import Unavailable
from learndock.package import EnvironmentRequest

_LOCK_IS_FRESH_S = 600.0


@dataclass(frozen=True)
class Environment:
    """An environment that lies ready."""

    python: Path
    dirs: tuple[Path, ...]
    """Folders to mount: the environment and the Python it is made of."""
    lock: str
    lock_sha256: str
    dropped: tuple[str, ...]
    """Requirements that could not be had and were left out."""
    python_version: str
    notes: tuple[str, ...]


class EnvironmentBuilder:
    """Builds environments with uv into `cache`, one folder a lock; several builders may share a cache.

    `offline` uses what uv's own cache holds, as it is done too when the index does not answer. `strict` refuses
    where a requirement cannot be had, instead of leaving it out.
    """

    def __init__(self, cache: Path, *, offline: bool = False, uv: Path | None = None, strict: bool = False) -> None:
        self._cache = cache
        self._offline = offline
        self._uv_path = uv
        self._strict = strict
        self._uv: Uv | None = None
        self._locks: dict[tuple[str, tuple[str, ...]], tuple[float, Lock]] = {}
        self._guard = threading.Lock()

    def build(self, request: EnvironmentRequest, on_line: Callable[[str], None] | None = None) -> Environment:
        """Give the environment for a request, built or found.

        InvalidInput ENVIRONMENT_UNRESOLVABLE; Unavailable ENVIRONMENT_INDEX_DOWN, ENVIRONMENT_NOT_CACHED,
        ENVIRONMENT_INSTALL_FAILED, UV_MISSING.
        """
        uv = self._tool()
        try:
            return self._build(uv, request, on_line)
        except Unavailable as error:
            if error.reason != "ENVIRONMENT_INDEX_DOWN":
                raise
            return self._build_from_cache(request, on_line, error)

    def _build_from_cache(
        self, request: EnvironmentRequest, on_line: Callable[[str], None] | None, down: Unavailable
    ) -> Environment:
        try:
            return self._build(Uv(self._uv_path, offline=True), request, on_line)
        except Unavailable:
            raise down from None

    def _build(self, uv: Uv, request: EnvironmentRequest, on_line: Callable[[str], None] | None) -> Environment:
        python, note = find(request.python, uv)
        lock = self._resolve(uv, python, tuple(request.requirements), on_line)
        place = self._place(uv, python, lock, on_line)
        dirs = dict.fromkeys([place, python.base_prefix, python.base_prefix.resolve()])
        notes = tuple(text for text in (*request.notes, note, *lock.notes) if text)
        return Environment(
            place / "bin" / "python", tuple(dirs), lock.text, lock.sha256, lock.dropped, python.name, notes
        )

    def _tool(self) -> Uv:
        with self._guard:
            self._uv = self._uv or Uv(self._uv_path, offline=self._offline)
            return self._uv

    def _resolve(
        self, uv: Uv, python: Interpreter, lines: tuple[str, ...], on_line: Callable[[str], None] | None
    ) -> Lock:
        key = (str(python.path), lines)
        made_at, lock = self._locks.get(key, (0.0, None))
        if lock is None or time.monotonic() - made_at > _LOCK_IS_FRESH_S:
            lock = resolve(uv, python, lines, strict=self._strict, on_line=on_line)
            self._locks[key] = (time.monotonic(), lock)
        return lock

    def _place(self, uv: Uv, python: Interpreter, lock: Lock, on_line: Callable[[str], None] | None) -> Path:
        self._cache.mkdir(parents=True, exist_ok=True)
        cache = self._cache.resolve()
        place = cache / lock.sha256
        with _held(cache / f"{lock.sha256}.lock"):
            if not place.is_dir():
                self._install(uv, python, lock, place, on_line)
        return place

    def _install(
        self, uv: Uv, python: Interpreter, lock: Lock, place: Path, on_line: Callable[[str], None] | None
    ) -> None:
        making = place.with_name(f"{place.name}.part")
        shutil.rmtree(making, ignore_errors=True)
        venv = ["venv", "--quiet", "--relocatable", "--no-project", "--python", str(python.path), str(making)]
        uv.must(venv, cwd=place.parent)
        (making / "lock.txt").write_text(lock.text)
        # Compiled now, because nothing can be written when it runs.
        sync = ["pip", "sync", "--quiet", "--require-hashes", "--only-binary", ":all:", "--compile-bytecode"]
        sync += ["--python", str(making / "bin" / "python"), str(making / "lock.txt")]
        uv.must(sync, cwd=making, on_line=on_line)
        making.chmod(0o755)
        making.rename(place)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
