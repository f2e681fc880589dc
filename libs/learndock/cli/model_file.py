"""What a model's file says of itself, read as bytes: nothing of it is unpickled or run here."""

from __future__ import annotations

import gzip
import mmap
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learndock.errors import InvalidInput

Framework = Literal["sklearn", "torch", "torchscript", "other"]

_PICKLES = frozenset({".joblib", ".pkl", ".pickle", ".sav"})
_TORCH = frozenset({".pt", ".pth", ".ts"})
_INFLATED_BYTES = 256 << 20

# A pickle writes a text as 8c + length (one byte) or X + length (four), and an int as K (one byte), M (two), J (four).
_VERSION = re.compile(rb"_sklearn_version\x94?(?:r.{4}|q.)?(?:\x8c(.)|X(.)\0\0\0)(\d[\w.]*)", re.DOTALL)
_CLASS = re.compile(rb"(sklearn(?:\.\w+)+)(?:\x94?(?:r.{4}|q.)?(?:\x8c.|X.{4})|\n)([A-Z]\w+)", re.DOTALL)


@dataclass(frozen=True)
class ModelFile:
    """A model's file; what could not be read from it is "" or None."""

    path: Path
    framework: Framework
    class_name: str = ""
    version: str = ""
    """Of scikit-learn, when the model was fitted."""
    inputs: int | None = None
    classes: int | None = None
    classifies: bool | None = None
    needs_numpy2: bool = False


def inspect_model(path: Path) -> ModelFile:
    """Look at a model's file. InvalidInput MODEL_FILE_UNKNOWN (by its suffix), MODEL_FILE_DAMAGED."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        try:
            return _inspect_pickle(path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidInput(
                f"{path} is damaged: its compressed content breaks off.",
                reason="MODEL_FILE_DAMAGED",
                hint="Save the model again.",
                details={"file": path},
            ) from error
    if suffix in _TORCH:
        return ModelFile(path, "torchscript" if _is_torchscript(path) else "torch")
    raise InvalidInput(
        f"{path} is of no kind that is known here.",
        reason="MODEL_FILE_UNKNOWN",
        hint="Give a .joblib or .pkl (scikit-learn), a .pt or .pth (torch), or a folder with your own code.",
        details={"file": path},
    )


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2].startswith("code/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _inspect_pickle(path: Path) -> ModelFile:
    with _content(path) as data:
        version, found = _VERSION.search(data), [match.group(2).decode() for match in _CLASS.finditer(data)]
        if not found and b"sklearn" not in data[: 1 << 20]:
            return ModelFile(path, "other")
        return ModelFile(
            path=path,
            framework="sklearn",
            class_name=_estimator(found),
            version=_text(version),
            inputs=_integer(data, b"n_features_in_"),
            classes=_integer(data, b"n_classes_"),
            classifies=_classifies(data, found),
            needs_numpy2=data.find(b"numpy._core") >= 0,
        )


def _text(match: re.Match[bytes] | None) -> str:
    """The text that a pickle wrote with its length before it."""
    if match is None:
        return ""
    length = (match.group(1) or match.group(2))[0]
    return match.group(3)[:length].decode()


def _estimator(names: list[str]) -> str:
    """The name that tells most: the last classifier or regressor rather than the pipeline around it."""
    told = [name for name in names if name.endswith(("Classifier", "Regressor", "Regression", "Ridge", "SVC", "SVR"))]
    return (told or names or [""])[0]


def _classifies(data: bytes | mmap.mmap, names: list[str]) -> bool | None:
    if data.find(b"\x08classes_") >= 0 or data.find(b"X\x08\x00\x00\x00classes_") >= 0:
        return True
    return False if names else None


def _integer(data: bytes | mmap.mmap, key: bytes) -> int | None:
    pattern = re.escape(key) + rb"\x94?(?:r.{4}|q.)?(?:K(.)|M(.{2})|J(.{4}))"
    match = re.search(pattern, data, re.DOTALL)
    return int.from_bytes(next(group for group in match.groups() if group), "little") if match else None


@contextmanager
def _content(path: Path) -> Iterator[bytes | mmap.mmap]:
    with path.open("rb") as file:
        head = file.read(2)
        if head == b"\x1f\x8b":
            with gzip.open(path) as packed:
                yield packed.read(_INFLATED_BYTES)
        elif head in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
            file.seek(0)
            yield zlib.decompressobj().decompress(file.read(_INFLATED_BYTES), _INFLATED_BYTES)
        elif not head:
            yield b""
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped
