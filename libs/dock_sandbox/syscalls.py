"""Pure: the filter of system calls that a sandbox's processes run under, as a program of classic BPF.

It takes away what no model needs and what would get round the other limits: name spaces of its own (with them come
file systems of any size), System V memory, which no process is charged for, and wide parts of the kernel that have
often been the way out. See seccomp(2).
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_NEW_USER = 0x10000000
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000


@dataclass(frozen=True)
class _Machine:
    audit: int
    numbers: Mapping[str, int]


_NEWER = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429}
_NEWER |= {"fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "mount_setattr": 442}
_NEWER |= {"memfd_secret": 447}
_INTEL = {"shmget": 29, "clone": 56, "msgget": 68, "ptrace": 101, "pivot_root": 155, "mount": 165, "umount2": 166}
_INTEL |= {"add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298}
_INTEL |= {"open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321}
_INTEL |= {"userfaultfd": 323}
_ARM = {"umount2": 39, "mount": 40, "pivot_root": 41, "unshare": 97, "ptrace": 117, "msgget": 186, "shmget": 194}
_ARM |= {"add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "perf_event_open": 241}
_ARM |= {"open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280}
_ARM |= {"userfaultfd": 282}
_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(0xC000003E, _INTEL | _NEWER),
    "aarch64": _Machine(0xC00000B7, _ARM | _NEWER),
}


def make_filter(machine: str = "") -> bytes | None:
    """The program for this or the named machine; None where its numbers are not known."""
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    numbers = dict(known.numbers)
    clone, clone3 = numbers.pop("clone"), numbers.pop("clone3")
    # Another machine's numbers, and x32's, mean other calls: none of them.
    steps = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, known.audit), _refuse(errno.ENOSYS)]
    steps += [(_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    # Its flags lie in memory, where a filter cannot look; whoever lacks it falls back to clone.
    steps += [(_EQUAL, 0, 1, clone3), _refuse(errno.ENOSYS)]
    for number in sorted(numbers.values()):
        steps += [(_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    steps += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT)]
    steps += [(_ANY_BIT, 0, 1, _NEW_USER), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _refuse(error: int) -> tuple[int, int, int, int]:
    return _RETURN, 0, 0, _ERRNO | error
