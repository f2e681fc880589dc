"""Asking the members: at the same time where they can be, without those that fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock import errors
from learndock.errors import FailedPrecondition
from learndock.reuse import outputs
from learndock.reuse.errors import InvalidInput
from learndock.reuse.member import Named
from learndock.reuse.rows import count_rows

Array = NDArray[Any]
Read = Callable[[Array, Named], Array]
PARALLEL = 8


@dataclass
class Answers:
    """Outputs (n, columns) by place of the members that answered, and why the others did not, by name."""

    tables: dict[int, Array] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        """Why members failed, by name, in words."""
        return {name: _words(why) for name, why in self.failed.items()}


def ask(members: Sequence[Named], X: Any, read: Read) -> Answers:
    """What the members say of the rows of `X`, each output read by `read`.

    FailedPrecondition MEMBERS_ALL_FAILED where none answers; the InvalidInput of the first where all gave the same
    wrong thing, since then it is what was asked for that is wrong.
    """
    found = Answers()
    for place, (named, raw) in enumerate(zip(members, _outputs(members, X), strict=True)):
        try:
            found.tables[place] = _table(raw, count_rows(X), named, read)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's model raised or gave
            found.failed[named[0]] = error
    if not found.tables:
        raise _all_failed(found)
    return found


def _outputs(members: Sequence[Named], X: Any) -> list[Any]:
    """What each said, or the exception that it raised; those with a process of their own all at once."""
    if sum(member.parallel for _, member in members) < 2:
        return [_output(named, X) for named in members]
    with ThreadPoolExecutor(min(PARALLEL, len(members))) as pool:
        started = [pool.submit(_output, named, X) if named[1].parallel else None for named in members]
        return [
            _output(named, X) if future is None else future.result()
            for named, future in zip(members, started, strict=True)
        ]


def _output(named: Named, X: Any) -> Any:
    try:
        return named[1].model.predict(X)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's model raises
        return error


def _table(raw: Any, rows: int, named: Named, read: Read) -> Array:
    if isinstance(raw, Exception):
        raise raw
    table = outputs.as_table(raw, rows, named[0])
    if not np.isfinite(table).all():
        raise InvalidInput(
            f"Member {named[0]} gave NaN or infinity.",
            reason="MEMBER_OUTPUT_NOT_FINITE",
            hint="Leave this member out.",
            details={"key": named[0]},
        )
    return read(table, named)


def _all_failed(found: Answers) -> errors.DockError:
    causes = list(found.failed.values())
    first = causes[0]
    if isinstance(first, InvalidInput) and len({getattr(each, "reason", "") for each in causes}) == 1:
        return first
    return FailedPrecondition(
        f"No member could predict: {listed(found.reasons)}.",
        reason="MEMBERS_ALL_FAILED",
        hint="Check that the rows have the width and types the members were made for.",
        details=found.reasons,
    )


def listed(dropped: Mapping[str, str]) -> str:
    """Names and reasons on one line."""
    return "; ".join(f"{name}: {why}" for name, why in dropped.items())


def _words(why: Exception) -> str:
    if isinstance(why, errors.DockError):
        return f"{why.message.rstrip('.')} ({why.reason})"
    return f"{type(why).__name__}: {why}"
