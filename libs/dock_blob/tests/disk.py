"""A disk that forgets: what would be left of a folder if the power went, by what was synced and what was not."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Entries = dict[str, int]


@dataclass(frozen=True)
class Image:
    """Folders and files by number; folder 0 is the root. For a file: what was synced, and what a reader saw."""

    synced_folders: dict[int, Entries]
    seen_folders: dict[int, Entries]
    synced_files: dict[int, bytes]
    seen_files: dict[int, bytes]

    def write(self, target: Path, *, namespace: str = "synced", rng: random.Random | None = None) -> Path:
        """Lay the image out: names as synced or as seen; bytes as synced, with `rng` anything up to what was seen."""
        self._folder(0, target, self.synced_folders if namespace == "synced" else self.seen_folders, rng)
        return target

    def _folder(self, number: int, target: Path, folders: dict[int, Entries], rng: random.Random | None) -> None:
        target.mkdir()
        for name, entry in folders[number].items():
            if entry in folders:
                self._folder(entry, target / name, folders, rng)
            else:
                (target / name).write_bytes(self._bytes(entry, rng))

    def _bytes(self, number: int, rng: random.Random | None) -> bytes:
        synced, seen = self.synced_files[number], self.seen_files.get(number, b"")
        if rng is None or len(seen) < len(synced):
            return synced
        return seen[: rng.randint(len(synced), len(seen))]


@dataclass
class Disk:
    """Watches a folder while a store works in it; keeps an image of every moment."""

    root: Path
    moments: list[Image] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers: dict[int, int] = {self.root.stat().st_ino: 0}
        self._following = itertools.count(1)
        self._synced_folders: dict[int, Entries] = {0: {}}
        self._synced_files: dict[int, bytes] = {}
        self._seen_folders: dict[int, Entries] = {0: {}}
        self._seen_files: dict[int, bytes] = {}

    def watch(self, monkeypatch: Any) -> None:
        """Look after each operation that a store makes."""
        for name in ("rename", "unlink", "mkdir", "rmdir", "touch"):
            monkeypatch.setattr(Path, name, self._then_look(getattr(Path, name)))
        fsync, pwrite, ftruncate = os.fsync, os.pwrite, os.ftruncate

        def synced(descriptor: int) -> None:
            self.look()
            fsync(descriptor)
            number = self._numbers.get(os.fstat(descriptor).st_ino)
            if number is not None:
                self._sync(number)
            self.look()

        def written(descriptor: int, data: memoryview, offset: int) -> int:
            done = pwrite(descriptor, data[: (len(data) + 1) // 2], offset)  # a write may be short
            self.look()
            return done

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "pwrite", written)
        monkeypatch.setattr(os, "ftruncate", self._then_look(ftruncate))

    def look(self) -> None:
        """Keep an image of now."""
        present: set[int] = set()
        folders: dict[int, Entries] = {}
        files: dict[int, bytes] = {}
        self._scan(self.root, folders, files, present)
        self._numbers = {inode: number for inode, number in self._numbers.items() if inode in present}
        self._seen_folders, self._seen_files = folders, files
        self.moments.append(
            Image(
                {number: dict(entries) for number, entries in self._synced_folders.items()},
                folders,
                dict(self._synced_files),
                files,
            )
        )

    def _scan(self, folder: Path, folders: dict[int, Entries], files: dict[int, bytes], present: set[int]) -> None:
        inode = folder.stat().st_ino
        present.add(inode)
        entries = folders[self._numbers[inode]] = {}
        for path in sorted(folder.iterdir()):
            inner = path.stat().st_ino
            if inner not in self._numbers:
                number = self._numbers[inner] = next(self._following)
                if path.is_dir():
                    self._synced_folders[number] = {}
                else:
                    self._synced_files[number] = b""
            entries[path.name] = self._numbers[inner]
            if path.is_dir():
                self._scan(path, folders, files, present)
            else:
                present.add(inner)
                files[self._numbers[inner]] = path.read_bytes()

    def _sync(self, number: int) -> None:
        if number in self._synced_folders:
            self._synced_folders[number] = dict(self._seen_folders[number])
        else:
            self._synced_files[number] = self._seen_files[number]

    def _then_look(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def looked_at(*given: Any, **named: Any) -> Any:
            try:
                return operation(*given, **named)
            finally:
                self.look()

        return looked_at
