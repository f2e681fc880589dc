"""Put on the path of a dock under attack: writes down what the process does that no package may make it do.

One JSON list a line in the file of DOCK_WATCH: what was imported from where, compiled, started, opened for writing,
or called in the system. Silent until the file of DOCK_WATCH_ARM is there, so that starting up is not noted.
"""

from __future__ import annotations

import json
import os
import sys

_LOG = os.environ.get("DOCK_WATCH", "")
_ARM = os.environ.get("DOCK_WATCH_ARM", "")
_EVENTS = ("import", "open", "compile", "exec", "marshal.loads", "pickle.find_class", "socket.connect", "ctypes.dlopen")
_GROUPS = ("os.", "subprocess.", "shutil.", "pty.")
_READING = frozenset({"os.listdir", "os.scandir", "os.fwalk", "os.walk", "os.putenv", "os.utime"})


class _Watch:
    def __init__(self, log: str) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.busy = False

    def __call__(self, event: str, given: tuple[object, ...]) -> None:
        if self.busy or event in _READING or not (event in _EVENTS or event.startswith(_GROUPS)):
            return
        if (event == "open" and not _writes(given)) or not os.access(_ARM, os.F_OK):
            return
        self.busy = True
        try:
            os.write(self.log, (json.dumps([event, [str(each)[:300] for each in given[:3]]]) + "\n").encode())
        finally:
            self.busy = False


def _writes(given: tuple[object, ...]) -> bool:
    flags = given[2] if len(given) > 2 and isinstance(given[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


if _LOG:
    sys.addaudithook(_Watch(_LOG))
