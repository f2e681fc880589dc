"""A trap for system calls that no model makes in good faith: whoever steps into it ends the sandbox.

Used by the launcher, under the environment's own Python (3.8 and newer), as the last thing before it becomes the
worker; it holds for everything that the worker starts. See seccomp(2) and seccomp_unotify(2).
"""

from __future__ import annotations

import array
import ctypes
import os
import socket
import struct

_SET_MODE_FILTER = 1
_NEW_LISTENER = 8
_NO_NEW_PRIVILEGES = 38
_NUMBERS = {"x86_64": 317, "aarch64": 277}
_STEP_BYTES = 8


def forbid(telling: bytes, killing: bytes, reports: int) -> bool:
    """Set the trap: the program `telling`, whose listener goes out through the socket `reports`; else `killing`.

    Programs are for BPF. False where neither could be set. The socket gets one byte in every case.
    """
    number = _NUMBERS.get(os.uname().machine, -1)
    ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = _set(number, telling, _NEW_LISTENER)
    if listener < 0:
        killed = _set(number, killing, 0) == 0
        os.write(reports, b"K" if killed else b"-")
        return killed
    with socket.socket(fileno=os.dup(reports)) as out:
        given = array.array("i", [listener]).tobytes()
        out.sendmsg([b"L"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
    os.close(listener)
    return True


def _set(number: int, program: bytes, flags: int) -> int:
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.syscall.restype = ctypes.c_long
    steps = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // _STEP_BYTES, ctypes.addressof(steps))
    return int(kernel.syscall(ctypes.c_long(number), ctypes.c_long(_SET_MODE_FILTER), ctypes.c_long(flags), head))
