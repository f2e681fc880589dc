"""Keeps sandboxes with models warm: one a package content, the one used longest ago makes room."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dock_failpoint import failpoint
from dock_sandbox import SandboxRunner
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import OpenModel, open_model
from learndock.errors import Unavailable
from learndock.package import PackageLimits

_DEFAULTS = PackageLimits()
Fetch = Callable[[Path], None]


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    sandbox: OpenModel | None = None
    users: int = 0

    def drop_if_ended(self) -> None:
        if self.sandbox is not None and self.sandbox.outcome().reason:
            self.sandbox.close()
            self.sandbox = None


class Runners:
    """Warm sandboxes by content digest. A sandbox serves one call at a time; a broken one is replaced."""

    def __init__(
        self,
        runner: SandboxRunner,
        environments: EnvironmentBuilder,
        scratch: Path,
        *,
        warm: int,
        package_limits: PackageLimits = _DEFAULTS,
        on_damaged: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_damaged = on_damaged
        self._runner = runner
        self._environments = environments
        self._scratch = scratch
        self._warm = warm
        self._package_limits = package_limits
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, content_sha256: str, fetch: Fetch) -> Iterator[OpenModel]:
        """A sandbox with the model of this content; `fetch` writes the package where it is told."""
        slot = self._take(content_sha256)
        try:
            with slot.lock:
                slot.drop_if_ended()  # while it was idle, as when its time was over
                if slot.sandbox is None:
                    failpoint("reuse.before_open")
                    slot.sandbox = self._open(fetch)
                failpoint("reuse.before_predict")
                try:
                    yield slot.sandbox
                finally:
                    slot.drop_if_ended()
        finally:
            self._give_back(content_sha256, slot)
            self._make_room()

    def close(self) -> None:
        """End every sandbox."""
        with self._lock:
            slots = list(self._slots.values())
            self._slots.clear()
        for slot in slots:
            with slot.lock:
                if slot.sandbox is not None:
                    slot.sandbox.close()

    def _take(self, content_sha256: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(content_sha256, _Slot())
            self._slots.move_to_end(content_sha256)
            slot.users += 1
        return slot

    def _give_back(self, content_sha256: str, slot: _Slot) -> None:
        with self._lock:
            slot.users -= 1
            empty = slot.users == 0 and slot.sandbox is None
            if empty and self._slots.get(content_sha256) is slot:  # it must not take a warm one's room
                del self._slots[content_sha256]

    def _make_room(self) -> None:
        closing = []
        with self._lock:
            for key in list(self._slots):
                if len(self._slots) <= self._warm:
                    break
                if self._slots[key].users == 0:
                    closing.append(self._slots.pop(key))
        for slot in closing:
            if slot.sandbox is not None:
                slot.sandbox.close()

    def _open(self, fetch: Fetch) -> OpenModel:
        folder = Path(tempfile.mkdtemp(prefix="reuse-", dir=self._scratch))
        try:
            package = folder / "package.zip"
            self._fetch(fetch, package)
            return open_model(
                package,
                runner=self._runner,
                environments=self._environments,
                scratch=self._scratch,
                package_limits=self._package_limits,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _fetch(self, fetch: Fetch, package: Path) -> None:
        try:
            fetch(package)
        except Unavailable as error:
            if error.reason == "PACKAGE_DAMAGED":
                self._on_damaged()
            raise
