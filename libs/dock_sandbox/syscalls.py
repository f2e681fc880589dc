"""Pure: the filters of system calls that a sandbox's processes run under, as programs of classic BPF.

The first takes away what no model needs and what would get round the other limits: name spaces of its own (with them
come file systems of any size), System V memory, which no process is charged for, and wide parts of the kernel that
have often been the way out. Libraries that only try such a call see it refused and go on.

Some calls nobody tries in good faith: mounting, tracing, loading code into the kernel, joining others' name spaces.
The second filter, which the launcher adds, ends the sandbox for them. See seccomp(2).
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_NEW_USER = 0x10000000
_ALLOW = 0x7FFF0000
_TRACE = 0x7FF00000
_NOTIFY = 0x7FC00000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000

_Step = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Machine:
    audit: int
    refused: Mapping[str, int]
    """Calls that libraries try: Chromium asks for name spaces, libuv for io_uring, crash handlers read memory."""
    forbidden: Mapping[str, int]


_REFUSED = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435, "memfd_secret": 447}
_REFUSED_INTEL = {"shmget": 29, "clone": 56, "msgget": 68, "unshare": 272, "perf_event_open": 298}
_REFUSED_INTEL |= {"process_vm_readv": 310, "userfaultfd": 323}
_REFUSED_ARM = {"unshare": 97, "msgget": 186, "shmget": 194, "clone": 220, "perf_event_open": 241}
_REFUSED_ARM |= {"process_vm_readv": 270, "userfaultfd": 282}

_FORBIDDEN = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433}
_FORBIDDEN |= {"mount_setattr": 442}
_FORBIDDEN_INTEL = {"ptrace": 101, "pivot_root": 155, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168}
_FORBIDDEN_INTEL |= {"reboot": 169, "init_module": 175, "delete_module": 176, "kexec_load": 246, "add_key": 248}
_FORBIDDEN_INTEL |= {"request_key": 249, "keyctl": 250, "open_by_handle_at": 304, "setns": 308}
_FORBIDDEN_INTEL |= {"process_vm_writev": 311, "finit_module": 313, "kexec_file_load": 320, "bpf": 321}
_FORBIDDEN_ARM = {"umount2": 39, "mount": 40, "pivot_root": 41, "kexec_load": 104, "init_module": 105}
_FORBIDDEN_ARM |= {"delete_module": 106, "ptrace": 117, "reboot": 142, "add_key": 217, "request_key": 218}
_FORBIDDEN_ARM |= {"keyctl": 219, "swapon": 224, "swapoff": 225, "open_by_handle_at": 265, "setns": 268}
_FORBIDDEN_ARM |= {"process_vm_writev": 271, "finit_module": 273, "bpf": 280, "kexec_file_load": 294}
_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(0xC000003E, _REFUSED_INTEL | _REFUSED, _FORBIDDEN_INTEL | _FORBIDDEN),
    "aarch64": _Machine(0xC00000B7, _REFUSED_ARM | _REFUSED, _FORBIDDEN_ARM | _FORBIDDEN),
}


def make_filter(machine: str = "") -> bytes | None:
    """The first filter for this or the named machine; None where its numbers are not known.

    What is forbidden is refused here (ENOSYS, since nothing traces) wherever the second filter is not there.
    """
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    refused = dict(known.refused)
    clone, clone3 = refused.pop("clone"), refused.pop("clone3")
    # Another machine's numbers, and x32's, mean other calls: none of them.
    steps = [*_of_machine(known, _refuse(errno.ENOSYS)), (_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    # Its flags lie in memory, where a filter cannot look; whoever lacks it falls back to clone.
    steps += [(_EQUAL, 0, 1, clone3), _refuse(errno.ENOSYS)]
    steps += _each(refused, _refuse(errno.EPERM)) + _each(known.forbidden, (_RETURN, 0, 0, _TRACE))
    steps += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT)]
    steps += [(_ANY_BIT, 0, 1, _NEW_USER), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return _packed(steps)


def make_trap(machine: str = "", *, notify: bool) -> bytes | None:
    """The second filter: what is forbidden waits until somebody outside has been told, or else kills at once."""
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    allow = (_RETURN, 0, 0, _ALLOW)
    end = (_RETURN, 0, 0, _NOTIFY if notify else _KILL_PROCESS)
    return _packed([*_of_machine(known, allow), *_each(known.forbidden, end), allow])


def name_of(number: int, machine: str = "") -> str:
    """The name of a forbidden call, "call 999" for a number that is none."""
    known = _MACHINES.get(machine or platform.machine())
    names = {value: name for name, value in known.forbidden.items()} if known else {}
    return names.get(number, f"call {number}")


def _of_machine(known: _Machine, otherwise: _Step) -> list[_Step]:
    """Go on with the call's number, or end so where it is another machine's."""
    return [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, known.audit),
        otherwise,
        (_LOAD, 0, 0, _NUMBER_AT),
    ]


def _each(numbers: Mapping[str, int], end: _Step) -> list[_Step]:
    return [step for number in sorted(numbers.values()) for step in ((_EQUAL, 0, 1, number), end)]


def _refuse(error: int) -> _Step:
    return _RETURN, 0, 0, _ERRNO | error


def _packed(steps: list[_Step]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
