"""A second fence around a sandbox: the kernel's Landlock, which needs no privilege and no mount.

Used by the launcher, under the environment's own Python (3.8 and newer), before it becomes the worker; what it sets
holds for everything that the worker starts. See landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_BENEATH = 1
_NO_NEW_PRIVILEGES = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_FOLDER
_FIRST_RIGHTS = (1 << 13) - 1
_LATER_RIGHTS = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Rights that newer versions handle: linking across folders, truncating, commands to devices."""
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14) | (1 << 15)
_NETWORK_FROM, _NETWORK = 4, 3
"""Binding and connecting by TCP."""
_SCOPE_FROM, _SCOPE = 6, 3
"""Abstract Unix sockets of others, and signals to others."""


def version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    return max(0, _call(_CREATE, None, 0, _ASK_VERSION))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Let this process, and all that comes of it, read below some places and write below others; nothing else.

    TCP, other processes' abstract sockets and signals to processes outside go too where the kernel knows how. The
    version in force, 0 where there is none. OSError where the kernel has it and refuses.
    """
    known = version()
    if not known:
        return 0
    rights = _FIRST_RIGHTS | sum(right for since, right in _LATER_RIGHTS if known >= since)
    attributes = struct.pack(
        "=QQQ", rights, _NETWORK if known >= _NETWORK_FROM else 0, _SCOPE if known >= _SCOPE_FROM else 0
    )
    size = 24 if known >= _SCOPE_FROM else 16 if known >= _NETWORK_FROM else 8
    ruleset = _must(_CREATE, attributes, size, 0)
    try:
        for place in readable:
            _allow(ruleset, place, rights & _READ)
        for place in writable:
            _allow(ruleset, place, rights)
        if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _must(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, place: str, rights: int) -> None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there cannot be touched
    try:
        rights &= rights if os.path.isdir(place) else _OF_FILES  # noqa: PTH112 - pathlib is slow to import
        _must(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _must(*arguments: object) -> int:
    found = _call(*arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), "landlock: " + os.strerror(ctypes.get_errno()))
    return found


def _call(*arguments: object) -> int:
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.syscall.restype = ctypes.c_long
    return int(kernel.syscall(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)))
