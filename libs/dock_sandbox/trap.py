"""Our end of the trap for forbidden system calls: what the kernel tells of who stepped into it.

The kernel speaks, not the sandbox: nothing inside can send or forge what is read here. Who made the call waits in the
kernel until the sandbox is ended, or until a signal takes it out again: the call is never made.
"""

from __future__ import annotations

import base64
import fcntl
import os
import select
import socket
import struct
from collections.abc import Mapping

from dock_sandbox.syscalls import make_trap, name_of

_RECEIVE = 0xC0502100
_NOTICE = struct.Struct("=QIIiI")
_NOTICE_BYTES = 80


def trap_plan(reports: int) -> Mapping[str, str | int] | None:
    """What the launcher needs to set the trap; None where this machine's calls are not known."""
    telling, killing = make_trap(notify=True), make_trap(notify=False)
    if telling is None or killing is None or reports < 0:
        return None
    return {"telling": base64.b64encode(telling).decode(), "killing": base64.b64encode(killing).decode(), "to": reports}


def receive_listener(reports: socket.socket, patience_s: float) -> int:
    """The descriptor that the launcher sends; -1 where it says or shows that there is none."""
    reports.settimeout(patience_s)
    try:
        _, given, _, _ = socket.recv_fds(reports, 1, 1)
    except OSError:
        return -1
    return given[0] if given else -1


def forbidden_call(listener: int) -> str:
    """The name of a call that somebody waits in; "" where nobody does. Never waits itself."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    if not any(event & select.POLLIN for _, event in poll.poll(0)):
        return ""
    notice = bytearray(_NOTICE_BYTES)
    try:
        fcntl.ioctl(listener, _RECEIVE, notice)
    except OSError:
        # A signal took the caller out of it again: the call was not made, and was tried.
        return "a forbidden call"
    _, _, _, number, _ = _NOTICE.unpack_from(notice)
    return name_of(number)


def close_listener(listener: int) -> None:
    """Let the listener go, where there is one."""
    if listener >= 0:
        os.close(listener)
