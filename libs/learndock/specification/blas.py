"""How many threads OpenBLAS may take, without a package for it.

The wheels of numpy and scipy bring an OpenBLAS each, in a folder beside them. Whoever has another BLAS installs
threadpoolctl, which knows them all.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "", "_")


class OneThread:
    """Holds every OpenBLAS of this process to one thread, from now until it is restored."""

    def __init__(self) -> None:
        self._before: list[tuple[OpenBlas, int]] = []
        self.hold()

    def hold(self) -> None:
        """Hold those too that were loaded meanwhile."""
        for blas in loaded():
            if all(blas is not held for held, _ in self._before):
                self._before.append((blas, int(blas.get())))
                blas.set(1)

    @property
    def found(self) -> bool:
        """Whether there was any."""
        return bool(self._before)

    def restore_original_limits(self) -> None:
        """Give back what each had."""
        for blas, count in self._before:
            blas.set(count)


class OpenBlas:
    """One library's two functions."""

    def __init__(self, get: Any, set_: Any) -> None:
        get.restype, get.argtypes = ctypes.c_int, []
        set_.restype, set_.argtypes = None, [ctypes.c_int]
        self.get, self.set = get, set_


def loaded() -> list[OpenBlas]:
    """Those of the packages imported so far: looking must load nothing."""
    owners = [name for name, part in (("numpy", "numpy"), ("scipy", "scipy.linalg")) if part in sys.modules]
    return [blas for name in owners for blas in _of(name)]


@cache
def _of(package: str) -> tuple[OpenBlas, ...]:
    found = (_open(path) for path in _libraries(package))
    return tuple(blas for blas in found if blas is not None)


def _libraries(package: str) -> Iterator[Path]:
    """Where wheels put them: numpy.libs beside the package, .dylibs inside it on macOS."""
    spec = importlib.util.find_spec(package)
    for home in (spec.submodule_search_locations or ()) if spec else ():
        for folder in (Path(home).with_name(f"{package}.libs"), Path(home) / ".dylibs"):
            if folder.is_dir():
                yield from sorted(path for path in folder.iterdir() if "openblas" in path.name)


def _open(path: Path) -> OpenBlas | None:
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
            set_ = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
            if get is not None and set_ is not None:
                return OpenBlas(get, set_)
    return None
