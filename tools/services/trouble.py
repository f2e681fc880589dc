"""The line of a service's log that says what is wrong with it, where something is."""

from __future__ import annotations

import re

_TROUBLE = re.compile(r"^\d\d:\d\d:\d\d (WARNING|ERROR|CRITICAL) +\S+: (?P<text>.*)$")
_FRESH = ("Ready:", "The dock is up")


def trouble(log: str, *, ready: bool) -> str:
    """What a log, its last lines, says of trouble: of a ready service what came since it was ready; "" for nothing.

    A service that ended says why in its last words: "Error", "Next", and the reason in brackets.
    """
    lines = log.splitlines()
    begun = max((number for number, line in enumerate(lines) if line.startswith(_FRESH)), default=-1)
    if ready:
        lines = lines[begun + 1 :]
    last = max((number for number, line in enumerate(lines) if line.startswith("Error  ")), default=None)
    if last is not None and not ready:
        return " ".join(" ".join(line.split()) for line in lines[last:]).removeprefix("Error ")
    for line in reversed(lines):
        if match := _TROUBLE.match(line):
            return match["text"]
    return "" if ready or not lines else lines[-1].strip()
