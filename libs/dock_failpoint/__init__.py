"""Named moments at which a test can kill, fail or delay the process. Without the setting they do nothing.

`DOCK_FAILPOINTS=name=action[,name=action…]`, where the action is one of

- `kill`            SIGKILL to this process: no clean-up runs, as in a power cut;
- `error`           raise Unavailable (reason FAILPOINT);
- `sleep:SECONDS`   wait.

`action@N` acts only when the moment is passed for the N-th time.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from learndock.errors import InvalidInput, Unavailable

__all__ = ["Action", "failpoint", "parse_failpoints"]

VARIABLE = "DOCK_FAILPOINTS"


@dataclass(frozen=True)
class Action:
    """What happens at a failpoint. `nth` is 0 for every pass, otherwise the pass at which it happens."""

    kind: str
    seconds: float = 0.0
    nth: int = 0


def failpoint(name: str) -> None:
    """Mark the moment `name`; does what the setting asks for it, usually nothing."""
    setting = os.environ.get(VARIABLE, "")
    if setting:
        _pass(name, setting)


@functools.lru_cache(maxsize=8)
def parse_failpoints(setting: str) -> dict[str, Action]:
    """Read the setting. InvalidInput (FAILPOINT_INVALID) where it makes no sense."""
    pairs = (entry.partition("=") for entry in setting.split(",") if entry.strip())
    return {name.strip(): _parse_action(action.strip()) for name, _, action in pairs}


def _parse_action(text: str) -> Action:
    action, _, nth = text.partition("@")
    kind, _, seconds = action.partition(":")
    try:
        parsed = Action(kind, float(seconds or 0), int(nth or 0))
    except ValueError:
        parsed = Action("")
    if parsed.kind not in ("kill", "error", "sleep"):
        raise InvalidInput(
            f"{VARIABLE} holds the action {text!r}.",
            reason="FAILPOINT_INVALID",
            hint="An action is kill, error or sleep:SECONDS, with @N behind it for the N-th pass only.",
        )
    return parsed


_passes: defaultdict[tuple[str, str], Iterator[int]] = defaultdict(lambda: itertools.count(1))
_passes_lock = threading.Lock()


def _pass(name: str, setting: str) -> None:
    action = parse_failpoints(setting).get(name)
    if action is None:
        return
    with _passes_lock:
        count = next(_passes[setting, name])
    if action.nth in (0, count):
        _act(name, action)


def _act(name: str, action: Action) -> None:
    if action.kind == "sleep":
        time.sleep(action.seconds)
    elif action.kind == "error":
        raise Unavailable(f"The failpoint {name} was told to fail.", reason="FAILPOINT")
    else:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal may come a moment later; nothing after this line may run
