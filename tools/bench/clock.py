"""Seconds on the clock and of processor, and how to say that one side takes fewer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, overload

Spent = Mapping[str, float]
"""`wall` and `cpu`, in seconds."""


def best_of(repeats: int, call: Callable[..., Any], *words: Any, **named: Any) -> tuple[Any, Spent]:
    """What a call gives, and its quickest run; where the machine is busy the others wait."""
    runs: list[Spent] = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        value = call(*words, **named)
        runs.append({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})
    return value, min(runs, key=lambda run: run["wall"])


@overload
def times(before: float, after: float) -> str: ...
@overload
def times(before: Spent, after: Spent) -> tuple[str, str]: ...
def times(before: float | Spent, after: float | Spent) -> str | tuple[str, str]:
    """How many times less: "23x"; of two runs by the clock and by processor time."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _ratio(before["wall"], after["wall"]), _ratio(before["cpu"], after["cpu"])
    assert not isinstance(before, Mapping)
    assert not isinstance(after, Mapping)
    return _ratio(before, after)


def _ratio(before: float, after: float) -> str:
    ratio = before / after
    return f"{ratio:.2g}x" if ratio < 10 else f"{ratio:,.0f}x"
