"""The one tree of errors that users and services meet.

DockError
├── InvalidInput            what was given is wrong; trying again does not help
├── NotFound                no such thing
├── AlreadyExists           it is there already, and different
├── FailedPrecondition      right request, wrong moment or state
├── Unauthenticated         nobody knows who you are
├── PermissionDenied        not yours
├── Overloaded              try again later (retry_after_s)
├── Unavailable             something it needs does not answer; try again
├── DeadlineExceeded        took longer than allowed
└── Internal                a fault of the dock; carries a trace id and no text

An error has a stable `reason` (UPPER_SNAKE, part of the interface), a message that says what is
wrong and why, `hint` (what to do next), and `details` (names and numbers as strings). Subclasses are kinds;
the reason tells kinds of one kind apart. dock_rpc carries all of it over gRPC and rebuilds it.
"""

from __future__ import annotations

from collections.abc import Mapping


class DockError(Exception):
    """Anything that goes wrong in a way a user can read."""

    kind = "internal"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        hint: str = "",
        details: Mapping[str, object] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.hint = hint
        self.details = {key: str(value) for key, value in (details or {}).items()}
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        stop = "." if self.hint and self.message and self.message[-1] not in ".!?:" else ""
        return f"{self.message}{stop} {self.hint}".strip()


class InvalidInput(DockError):
    """What was given is wrong; trying again does not help."""

    kind = "invalid_input"


class NotFound(DockError):
    """There is no such thing."""

    kind = "not_found"


class AlreadyExists(DockError):
    """It is there already, and different."""

    kind = "already_exists"


class FailedPrecondition(DockError):
    """A right request at a wrong moment."""

    kind = "failed_precondition"


class Unauthenticated(DockError):
    """Nobody knows who asks: no token, or one that does not count (any more)."""

    kind = "unauthenticated"


class PermissionDenied(DockError):
    """The thing belongs to somebody else."""

    kind = "permission_denied"


class Overloaded(DockError):
    """Too much at once; `retry_after_s` says when to come back."""

    kind = "overloaded"


class Unavailable(DockError):
    """Something needed does not answer."""

    kind = "unavailable"


class DeadlineExceeded(DockError):
    """It took longer than allowed."""

    kind = "deadline_exceeded"


class Internal(DockError):
    """A fault of the dock itself; the text tells nothing but a trace id."""

    kind = "internal"


KINDS: dict[str, type[DockError]] = {
    cls.kind: cls
    for cls in (
        InvalidInput,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        Unauthenticated,
        PermissionDenied,
        Overloaded,
        Unavailable,
        DeadlineExceeded,
        Internal,
    )
}
