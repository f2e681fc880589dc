"""Records as the database holds them: immutable, and detached from any session."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from dock_trace import Fact, TraceContext


class State(str, enum.Enum):
    """Where a learnware version stands."""

    RECEIVED = "RECEIVED"
    CHECKING = "CHECKING"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    EMBEDDING = "EMBEDDING"
    INDEXED = "INDEXED"
    DEPRECATED = "DEPRECATED"
    SUSPENDED = "SUSPENDED"
    DELETED = "DELETED"
    FAILED_INTERNAL = "FAILED_INTERNAL"


class Overdue(str, enum.Enum):
    """Why the reconciler drove a version on."""

    WAITING = "waiting"
    """Nobody had claimed it."""
    SILENT = "silent"
    """Whoever had claimed it renewed no lease."""
    NOT_INDEXED = "not_indexed"
    """Its specification was stored, and no index had announced it."""
    GIVEN_UP = "given_up"
    """Its last try ended without a result: it is FAILED_INTERNAL."""


@dataclass(frozen=True)
class LearnwareRow:
    """One version of a learnware.

    `attempt` fences: it grows with each claim and never falls. `tries` counts the claims of the present working
    state. Times are seconds since 1970 by the database's clock. `traceparent` is the span that brought it to where it
    is, "" where that is not known: whoever goes on with it does so in that span's trace.
    """

    learnware_id: str
    version: int
    tenant: str
    owner: str
    name: str
    state: State
    revision: int
    attempt: int
    lease_until: float
    verdict_id: str
    content_sha256: str
    size_bytes: int
    blob_key: str
    semantic_json: str
    specification_type: str
    reason: str
    reason_text: str
    created_at: float
    updated_at: float
    tries: int
    traceparent: str = ""

    @property
    def cause(self) -> TraceContext | None:
        """The span that brought it to where it is."""
        return TraceContext.parse(self.traceparent)

    def about(self, target: str) -> dict[str, Fact]:
        """What logs and spans of work on it say."""
        return {"target": target, "learnware": self.learnware_id, "version": self.version}


@dataclass(frozen=True)
class UploadRow:
    """An upload as declared; `committed_learnware_id` is "" until it became a learnware."""

    upload_id: str
    tenant: str
    owner: str
    learnware_id: str
    size_bytes: int
    sha256: str
    blob_key: str
    semantic_json: str
    committed_learnware_id: str
    committed_version: int
    updated_at: float


@dataclass(frozen=True)
class VerdictRow:
    """What one attempt found. `made_at` is set by the database when it is recorded."""

    verdict_id: str
    learnware_id: str
    version: int
    attempt: int
    accepted: bool
    reason: str
    reason_text: str
    log: str
    content_sha256: str
    environment_lock_sha256: str
    dropped_requirements: tuple[str, ...]
    isolation: str
    made_at: float


@dataclass(frozen=True)
class BreachRow:
    """A prediction that broke a rule for outputs, or, with the rule REINSTATED, the word of an operator.

    `confirmed` says that it broke one on inputs of the dock's own too; `tenant` is the caller's. `sequence` grows with
    each row of a version.
    """

    sequence: int
    rule: str
    detail: str
    confirmed: bool
    tenant: str
    at: float


@dataclass(frozen=True)
class StepRow:
    """One step of a check; `sequence` grows over all attempts of a version."""

    sequence: int
    attempt: int
    name: str
    status: str
    detail: str
    seconds: float
    at: float


@dataclass(frozen=True)
class SpecificationRow:
    """A stored specification: its type, the file's bytes, and the numbers that searches use."""

    type: str
    payload: bytes
    self_norm: float
    effective_size: float


@dataclass(frozen=True)
class OutboxRow:
    """An event that waits for the relay; `headers` is a JSON object of strings."""

    sequence: int
    event_id: str
    subject: str
    payload: bytes
    created_at: float
    headers: str


@dataclass(frozen=True)
class TokenRow:
    """A token, without its secret. `scopes` has blanks between; `used_at` and `revoked_at` are 0 for never."""

    token_id: str
    digest: str = field(repr=False)
    tenant: str
    owner: str
    scopes: str
    note: str
    created_at: float
    expires_at: float
    used_at: float
    revoked_at: float
