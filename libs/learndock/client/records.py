"""What a dock says of a learnware: its record, the steps of its check, the verdict."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from dockapi.checking.v1 import checking_pb2
from dockapi.ingestion.v1 import ingestion_pb2
from dockapi.learnware.v1 import learnware_pb2
from learndock.client.display import html_table, plain
from learndock.errors import FailedPrecondition
from learndock.reuse.member import DockWarning
from learndock.semantic import SemanticSpecification

FINAL_STATES = frozenset({"REJECTED", "INDEXED", "DEPRECATED", "SUSPENDED", "DELETED", "FAILED_INTERNAL"})


@dataclass(frozen=True, repr=False)
class LearnwareRecord:
    """One version of one learnware, as the dock held it when it was asked.

    `state` is RECEIVED, CHECKING, REJECTED, ACCEPTED, EMBEDDING, INDEXED, DEPRECATED, SUSPENDED, DELETED or
    FAILED_INTERNAL; `reason` and `reason_text` say why it was rejected, suspended or failed.
    """

    learnware_id: str
    version: int
    name: str = ""
    owner: str = ""
    tenant: str = ""
    state: str = ""
    revision: int = 0
    content_sha256: str = ""
    size_bytes: int = 0
    semantic_json: str = ""
    specification_type: str = ""
    attempt: int = 0
    reason: str = ""
    reason_text: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def from_message(cls, message: learnware_pb2.Learnware) -> LearnwareRecord:
        """From the dock's message."""
        return cls(
            learnware_id=message.learnware_id,
            version=message.version,
            name=message.name,
            owner=message.owner,
            tenant=message.tenant,
            state=_state_name(message.state),
            revision=message.revision,
            content_sha256=message.content_sha256,
            size_bytes=message.size_bytes,
            semantic_json=message.semantic_specification_json,
            specification_type=message.statistical_specification_type,
            attempt=message.attempt,
            reason=message.reason,
            reason_text=message.reason_text,
            created_at=_time(message.created_at),
            updated_at=_time(message.updated_at),
        )

    @property
    def semantic(self) -> SemanticSpecification:
        """The semantic specification, parsed. InvalidInput SEMANTIC_INVALID."""
        return SemanticSpecification.from_json(self.semantic_json or "{}", query=True)

    def __repr__(self) -> str:
        why = f" {self.reason}" if self.reason else ""
        return f"<Learnware {plain(self.learnware_id)} v{self.version} {plain(self.name)!r} {self.state}{plain(why)}>"

    def _repr_html_(self) -> str:
        names = (
            "learnware_id",
            "version",
            "name",
            "owner",
            "state",
            "reason",
            "reason_text",
            "size_bytes",
            "updated_at",
        )
        rows = [(name, getattr(self, name)) for name in names if getattr(self, name) not in ("", None)]
        return html_table(("", "learnware"), rows)


@dataclass(frozen=True, repr=False)
class CheckStep:
    """One step of a check: `status` is running, passed, failed, warned or skipped."""

    name: str
    status: str
    detail: str = ""
    seconds: float = 0.0
    at: datetime | None = None
    sequence: int = 0

    @classmethod
    def from_message(cls, message: checking_pb2.CheckStep) -> CheckStep:
        """From the dock's message."""
        status = _enum_name(checking_pb2.StepStatus, message.status, "STEP_STATUS_").lower()
        return cls(message.name, status, message.detail, message.seconds, _time(message.at), message.sequence)

    def __repr__(self) -> str:
        detail = f" {plain(self.detail)}" if self.detail else ""
        return f"<CheckStep {plain(self.name)} {self.status} {self.seconds:.2f} s{detail}>"


@dataclass(frozen=True, repr=False)
class Verdict:
    """What came of a check. `log` is what the package's code printed; `isolation` what kept it apart."""

    verdict_id: str
    learnware_id: str
    version: int
    accepted: bool
    attempt: int = 0
    reason: str = ""
    reason_text: str = ""
    steps: tuple[CheckStep, ...] = ()
    log: str = field(default="", compare=False)
    content_sha256: str = ""
    environment_lock_sha256: str = ""
    dropped_requirements: tuple[str, ...] = ()
    isolation: str = ""
    made_at: datetime | None = None

    @classmethod
    def from_message(cls, message: checking_pb2.Verdict) -> Verdict:
        """From the dock's message."""
        return cls(
            verdict_id=message.verdict_id,
            learnware_id=message.learnware_id,
            version=message.version,
            accepted=message.accepted,
            attempt=message.attempt,
            reason=message.reason,
            reason_text=message.reason_text,
            steps=tuple(CheckStep.from_message(step) for step in message.steps),
            log=message.log,
            content_sha256=message.content_sha256,
            environment_lock_sha256=message.environment_lock_sha256,
            dropped_requirements=tuple(message.dropped_requirements),
            isolation=message.isolation,
            made_at=_time(message.made_at),
        )

    def __repr__(self) -> str:
        what = "accepted" if self.accepted else f"rejected {plain(self.reason)}"
        steps = f", {len(self.steps)} steps" if self.steps else ""
        return f"<Verdict {plain(self.learnware_id)} v{self.version} {what}{steps}>"

    def _repr_html_(self) -> str:
        what = "accepted" if self.accepted else f"rejected: {self.reason}. {self.reason_text}"
        rows = [(step.name, step.status, f"{step.seconds:.2f} s", step.detail) for step in self.steps]
        return html_table(("step", "status", "time", "detail"), rows, caption=f"{self.learnware_id}: {what}")


def state_number(name: str) -> learnware_pb2.State:
    """The number of a state's name; InvalidInput STATE_UNKNOWN for no state of ours."""
    from learndock.errors import InvalidInput  # noqa: PLC0415 - only where it is needed

    values = dict(learnware_pb2.State.items())
    key = f"STATE_{name.upper()}"
    if key not in values or key == "STATE_UNSPECIFIED":
        raise InvalidInput(
            f"{plain(name)!r} is no state of a learnware.",
            reason="STATE_UNKNOWN",
            hint=f"States are {', '.join(each.removeprefix('STATE_') for each in list(values)[1:])}.",
        )
    return values[key]  # type: ignore[return-value]


def _state_name(number: int) -> str:
    return _enum_name(learnware_pb2.State, number, "STATE_")


def _enum_name(enum: Any, number: int, prefix: str) -> str:
    # A newer dock may know values that this client does not.
    return str(enum.Name(number)).removeprefix(prefix) if number in enum.values() else f"UNKNOWN_{number}"


def warn_of_newer(used: LearnwareRecord, newest: LearnwareRecord) -> None:
    """DockWarning where another version than the newest is used. FailedPrecondition LEARNWARE_SUSPENDED."""
    if used.state == "SUSPENDED":
        raise FailedPrecondition(
            f"Version {used.version} of {plain(used.learnware_id)} is suspended. {plain(used.reason_text)}",
            reason="LEARNWARE_SUSPENDED",
            hint="Use another learnware; an operator can take it into use again (`dock reinstate`).",
        )
    if newest.version != used.version:
        said = f"Version {newest.version} of {plain(used.learnware_id)} is {newest.state}; {used.version} is used."
        warnings.warn(said, DockWarning, stacklevel=4)


@dataclass(frozen=True)
class Breach:
    """A prediction that broke a rule, or, with the rule REINSTATED, an operator's word.

    `confirmed` says that the rules were broken on inputs of the dock's own too; those suspend a learnware.
    """

    rule: str
    detail: str
    confirmed: bool
    at: datetime | None

    @classmethod
    def from_message(cls, message: ingestion_pb2.Breach) -> Breach:
        """From the dock's message."""
        return cls(message.rule, message.detail, message.confirmed, _time(message.at))


def _time(stamp: Any) -> datetime | None:
    if not (stamp.seconds or stamp.nanos):
        return None
    return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, timezone.utc)
