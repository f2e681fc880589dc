"""Pulls a package: goes on after a cut, verifies the digest, and only then gives the file its name."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dockapi.ingestion.v1 import ingestion_pb2 as pb
from learndock.client.patience import Patience
from learndock.client.records import LearnwareRecord
from learndock.client.upload import digest_of
from learndock.errors import DockError, FailedPrecondition, Unavailable

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
Progress = Callable[[int, int], None]


def file_name(record: LearnwareRecord) -> str:
    """A safe name for a pulled package, whatever the dock calls it."""
    return f"{_UNSAFE.sub('_', record.learnware_id)[:100]}-v{record.version}.zip"


class Download:
    """Pulls packages over an IngestionServiceStub."""

    def __init__(self, stub: Any, patience: Patience, on_progress: Progress | None = None) -> None:
        self._stub = stub
        self._patience = patience
        self._on_progress = on_progress

    def pull(self, record: LearnwareRecord, target: Path) -> Path:
        """The package of `record` as the file `target`; a file there with the right digest is left as it is.

        FailedPrecondition FILE_UNWRITABLE; Unavailable PACKAGE_DAMAGED.
        """
        with _disk_errors(target):
            if _has_digest(target, record.content_sha256):
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.{record.content_sha256[:16]}.part")
            self._fill(record, part)
            if not _has_digest(part, record.content_sha256):
                part.unlink()
                raise _damaged(record)
            part.replace(target)
        return target

    def _fill(self, record: LearnwareRecord, part: Path) -> None:
        with part.open("ab") as out:
            while (have := out.seek(0, os.SEEK_END)) != record.size_bytes:
                if have > record.size_bytes:
                    out.truncate(0)
                    continue
                try:
                    self._receive(record, out, have)
                except DockError as error:
                    self._patience.bear(error)
            out.flush()
            os.fsync(out.fileno())

    def _receive(self, record: LearnwareRecord, out: Any, offset: int) -> None:
        request = pb.DownloadPackageRequest(learnware_id=record.learnware_id, version=record.version, offset=offset)
        start = offset
        for message in self._stub.DownloadPackage(request):
            self._patience.reached()
            if message.sha256 and message.sha256 != record.content_sha256:
                raise _damaged(record)
            offset += out.write(message.data)
            out.flush()
            if offset > record.size_bytes:
                raise _damaged(record)
            if message.data:
                self._patience.progress()
                self._tell(offset, record.size_bytes)
        if offset == start:
            raise _damaged(record)

    def _tell(self, received: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(received, total)


def _has_digest(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return digest_of(file) == sha256


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FailedPrecondition(
            f"{target} can't be written: {error.strerror}.",
            reason="FILE_UNWRITABLE",
            hint="Choose another folder, or make room.",
        ) from error


def _damaged(record: LearnwareRecord) -> Unavailable:
    return Unavailable(
        f"The package of {record.learnware_id} did not arrive as the dock recorded it.",
        reason="PACKAGE_DAMAGED",
        hint="Pull it again; if it stays so, tell the dock's operator.",
    )


def cache_folder() -> Path:
    """Where packages and environments of loaded learnwares are kept: $XDG_CACHE_HOME/learndock."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    with contextlib.suppress(RuntimeError):
        return (Path(home) if home else Path.home() / ".cache") / "learndock"
    return Path(tempfile.gettempdir()) / "learndock"
