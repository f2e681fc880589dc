"""From what was found to a reuser that predicts, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learndock.client.loading import OpenMembers
from learndock.client.records import LearnwareRecord
from learndock.errors import InvalidInput


def make_reuser(
    name: str | type, members: OpenMembers, records: Sequence[LearnwareRecord], parameters: dict[str, Any]
) -> Any:
    """The reuser called `name` over `members`, for the task that their records state. Closes them where it fails.

    NotFound PLUGIN_UNKNOWN; InvalidInput MEMBERS_DIFFER.
    """
    try:
        return _kind(name)(members, **{**task_of(records), **parameters})
    except BaseException:
        members.close()
        raise


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


def _kind(name: str | type) -> Any:
    if not isinstance(name, str):
        return name
    from learndock.plugins import REUSERS, load  # noqa: PLC0415 - numerical code, when needed

    return load(REUSERS, name.replace("_", "-"))
