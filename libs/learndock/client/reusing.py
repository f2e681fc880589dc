"""From what was found to a reuser that predicts, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learndock.client.loading import OpenMembers
from learndock.client.records import LearnwareRecord
from learndock.errors import InvalidInput
from learndock.reuse import make_reuser


class Closing:
    """A reuser that knows nothing of closing, and the members that are closed with it."""

    def __init__(self, reuser: Any, members: OpenMembers) -> None:
        self._reuser = reuser
        self._members = members

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reuser, name)

    def close(self) -> None:
        """End the members' models. Idempotent."""
        self._members.close()

    def __enter__(self) -> Any:
        return self._reuser

    def __exit__(self, *_exc: object) -> None:
        self.close()


def reuser_over(
    name: str | type, members: OpenMembers, records: Sequence[LearnwareRecord], parameters: dict[str, Any]
) -> Any:
    """The reuser of that name or class over `members`, for the task that their records state.

    It closes them by `close` or as a context manager; where it cannot be made they are closed at once.
    NotFound PLUGIN_UNKNOWN; InvalidInput MEMBERS_DIFFER.
    """
    try:
        said = {**task_of(records), **parameters}
        reuser = make_reuser(name, members, **said) if isinstance(name, str) else name(members, **said)
    except BaseException:
        members.close()
        raise
    return reuser if hasattr(reuser, "close") and hasattr(reuser, "__exit__") else Closing(reuser, members)


def task_of(records: Sequence[LearnwareRecord]) -> dict[str, Any]:
    """`task` and `n_classes` that reusers of these take; of unequal class sets the larger.

    InvalidInput MEMBERS_DIFFER.
    """
    semantics = [record.semantic for record in records]
    tasks = sorted({each.task_type.lower() for each in semantics})
    if len(tasks) != 1:
        raise InvalidInput(
            f"These learnwares answer different questions: {', '.join(tasks)}.",
            reason="MEMBERS_DIFFER",
            hint="Search with a task type, or reuse those of one kind together.",
        )
    classes = [each.output_dimension for each in semantics if each.output_dimension]
    return {"task": tasks[0], "n_classes": max(classes) if classes and tasks[0] == "classification" else None}
