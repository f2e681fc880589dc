"""Opens found learnwares as members that predict: here, each in a sandbox, or in the dock."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learndock.client.records import LearnwareRecord
from learndock.errors import DockError, FailedPrecondition, InvalidInput, Unavailable
from learndock.reuse.member import DockWarning, Member

if TYPE_CHECKING:
    from dock_sandbox.port import Limits
    from learndock.specification import Specification, TableSpecification

PARALLEL = 8


@dataclass(frozen=True)
class Opened:
    """A model that is open, the specification it was trained on, and how to close it.

    `alone` says that it runs in a process of its own, so that others can be asked at the same time.
    """

    model: Any
    specification: TableSpecification | None
    close: Callable[[], None]
    alone: bool = False


Opener = Callable[[LearnwareRecord], Opened]


class OpenMembers(list[Member]):
    """Members whose models run until `close`, which the end of a `with` calls."""

    def __init__(self, members: Iterable[Member] = (), notes: Sequence[str] = (), closers: Sequence[Any] = ()) -> None:
        super().__init__(members)
        self.notes = list(notes)
        self._closers = list(closers)

    def close(self) -> None:
        """End every model. Idempotent."""
        while self._closers:
            self._closers.pop()()

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Member]:
        # A copy, as scikit-learn's clone makes one, shares the models and ends none of them.
        return [copy.deepcopy(member, memo) for member in self]

    def __reduce__(self) -> Any:
        raise FailedPrecondition(
            "Models that run cannot be pickled.",
            reason="MEMBERS_RUNNING",
            hint="Keep the ids of the learnwares, and load them again with Dock.load(ids).",
        )

    def __enter__(self) -> OpenMembers:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_members(chosen: Sequence[tuple[LearnwareRecord, float]], opener: Opener) -> OpenMembers:
    """Open all at once. Those that fail are left out and said; FailedPrecondition NO_MEMBER_OPENED if all do."""
    results = _open_all([record for record, _ in chosen], opener)
    opened = [
        (record, weight, result)
        for (record, weight), result in zip(chosen, results, strict=True)
        if isinstance(result, Opened)
    ]
    failed = [
        (record, result) for (record, _), result in zip(chosen, results, strict=True) if isinstance(result, DockError)
    ]
    if not opened:
        raise _none_opened(failed)
    notes = [_left_out(record, error) for record, error in failed]
    for note in notes:
        warnings.warn(note, DockWarning, stacklevel=4)
    total = sum(weight for _, weight, _ in opened)
    members = [
        Member(
            model=result.model,
            weight=weight / total if total > 0 else 1 / len(opened),
            specification=result.specification,
            key=f"{record.learnware_id}:{record.version}",
            label_names=label_names(record),
            parallel=result.alone,
        )
        for record, weight, result in opened
    ]
    return OpenMembers(members, notes, [result.close for _, _, result in opened])


def label_names(record: LearnwareRecord) -> tuple[str, ...]:
    """The names of a classifier's labels 0, 1, …, as `Output.Description` has them; () where it has not all."""
    try:
        semantic = record.semantic
    except InvalidInput:  # of a dock with other rules
        return ()
    words, count = semantic.output_description, semantic.output_dimension or 0
    if semantic.task_type != "Classification" or any(not words.get(label) for label in range(count)):
        return ()
    return tuple(words[label] for label in range(count))


def _open_all(records: Sequence[LearnwareRecord], opener: Opener) -> list[Opened | DockError]:
    with ThreadPoolExecutor(max(1, min(PARALLEL, len(records)))) as pool:
        futures = [pool.submit(opener, record) for record in records]
        errors = [future.exception() for future in futures]
    fatal = next((error for error in errors if error is not None and not isinstance(error, DockError)), None)
    results: list[Opened | DockError] = [
        error if isinstance(error, DockError) else future.result()
        for future, error in zip(futures, errors, strict=True)
        if error is None or isinstance(error, DockError)
    ]
    if fatal is not None:
        for result in results:
            if isinstance(result, Opened):
                result.close()
        raise fatal
    return results


def _left_out(record: LearnwareRecord, error: DockError) -> str:
    return f"{record.learnware_id} was left out, the others share its weight: {error}"


def _none_opened(failed: Sequence[tuple[LearnwareRecord, DockError]]) -> DockError:
    first = failed[0][1]
    # One cause for all, such as a dock that is down, is said once and as itself.
    if len({error.reason for _, error in failed}) == 1 and (len(failed) == 1 or isinstance(first, Unavailable)):
        return first
    reasons = "; ".join(f"{record.learnware_id}: {error.message.rstrip('.')}" for record, error in failed[:3])
    return FailedPrecondition(
        f"None of the {len(failed)} learnwares opened ({reasons}).",
        reason="NO_MEMBER_OPENED",
        hint="`dock doctor` shows what this machine lacks; where='dock' lets the dock run them.",
        details={record.learnware_id: error.reason for record, error in failed},
    )


def table_or_none(specification: Specification | None) -> TableSpecification | None:
    """What the job selector can learn from; a plug-in's specification is nothing to it."""
    from learndock.specification import TableSpecification  # noqa: PLC0415 - numerical code, when needed

    return specification if isinstance(specification, TableSpecification) else None


def local_opener(cache: Path, pull: Callable[[LearnwareRecord, Path], Path], *, limits: Limits | None = None) -> Opener:
    """Opens in a sandbox on this machine; packages and environments are kept in `cache` by their digests.

    `limits` of every sandbox are those of serving unless given: each call is bounded, the model's life is not.
    """
    from dock_sandbox import ProcessSandbox  # noqa: PLC0415
    from dock_sandbox.environment import EnvironmentBuilder  # noqa: PLC0415 - the client starts without it

    runner, environments = ProcessSandbox(), EnvironmentBuilder(cache / "environments")

    def open_one(record: LearnwareRecord) -> Opened:
        from dock_sandbox.examination import SERVING, open_model  # noqa: PLC0415
        from learndock.package import read_package  # noqa: PLC0415

        path = pull(record, cache / "packages" / f"{record.content_sha256}.zip")
        specification = table_or_none(read_package(path).specification)
        sandbox = open_model(
            path, runner=runner, environments=environments, scratch=cache / "scratch", limits=limits or SERVING
        )
        return Opened(sandbox, specification, sandbox.close, alone=True)

    return open_one
