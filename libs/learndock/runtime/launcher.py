"""First program inside a sandbox: gives up privileges, sets limits, closes stray descriptors, becomes the worker.

Runs with `-I -S` under the environment's interpreter, before anything of the package or its environment is imported,
and uses the standard library only. Limits are set in here because those on processes count per user.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
from typing import Any, Dict, List


def main() -> None:
    """Arguments: a JSON object {"uid", "limits", "keep", "fence", "trap"} and the command to become."""
    plan, command = json.loads(sys.argv[1]), sys.argv[2:]
    become(plan.get("uid"))
    set_limits(plan["limits"])
    trap = plan.get("trap")
    close_others([*plan["keep"], *([trap["to"]] if trap else [])])
    fence(plan.get("fence"))
    set_trap(trap)
    os.execv(command[0], command)  # noqa: S606 - argument lists of the dock's making


def become(uid: Any) -> None:
    """Turn from root into the sandbox's own user, for good; nothing where no user was given."""
    if uid is None:
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (uid, uid, uid):
        sys.exit("launcher: the privileges could not be given up")


def set_limits(limits: Dict[str, int]) -> None:
    """Set each limit, soft and hard; a hard limit that is lower already stays."""
    for name, wanted in limits.items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        spare = 5 if name == "RLIMIT_CPU" else 0
        ceiling = value + spare if hard == resource.RLIM_INFINITY else min(value + spare, hard)
        resource.setrlimit(kind, (value, ceiling))


def close_others(keep: List[int]) -> None:
    """Close every descriptor but the standard three and those to keep."""
    keeping = {0, 1, 2, *keep}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keeping:
            try:
                os.close(int(name))
            except OSError:
                continue
    for number in keep:
        os.set_inheritable(number, True)


def fence(places: Any) -> None:
    """Put Landlock's fence around what follows, {"read": [places], "write": [places]}; nothing where none is given.

    A Python without ctypes, or a kernel without Landlock, goes without: it is the second fence, not the first.
    """
    if not places:
        return
    try:
        from landlock import restrict  # type: ignore[import-not-found]
    except ImportError:
        return
    restrict(places["read"], places["write"])


def set_trap(trap: Any) -> None:
    """Set the trap for forbidden system calls, {"telling", "killing": programs in base64, "to": socket}.

    The socket is told in every case, and closed. A Python without ctypes goes without: the first filter refuses.
    """
    if not trap:
        return
    try:
        from forbid import forbid  # type: ignore[import-not-found]
    except ImportError:
        os.write(trap["to"], b"-")
    else:
        forbid(base64.b64decode(trap["telling"]), base64.b64decode(trap["killing"]), trap["to"])
    os.close(trap["to"])


if __name__ == "__main__":
    # Beside this file, where isolated mode does not look.
    sys.path.insert(0, os.path.dirname(__file__))
    main()
