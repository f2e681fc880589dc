"""The errors of reusers: those of LearnDock that are also what scikit-learn's users catch."""

from __future__ import annotations

import sys

from learndock import errors
from learndock.errors import FailedPrecondition


class InvalidInput(errors.InvalidInput, ValueError):
    """What was given is wrong; a ValueError too."""


class NotNumbers(InvalidInput, TypeError):
    """Data of a wrong kind; a TypeError too."""


class NoSuchMethod(InvalidInput, AttributeError):
    """A method that the task does not have; an AttributeError too, so that `hasattr` says so."""


def not_fitted(name: str, hint: str = "Call fit(X, y) first.") -> FailedPrecondition:
    """FailedPrecondition REUSER_NOT_FITTED; scikit-learn's NotFittedError too where that is loaded."""
    error = FailedPrecondition(f"This {name} has not been fitted yet.", reason="REUSER_NOT_FITTED", hint=hint)
    known = sys.modules.get("sklearn.exceptions")
    if known is None:
        return error
    both = type("NotFitted", (FailedPrecondition, known.NotFittedError), {"__doc__": "Not fitted yet."})
    told: FailedPrecondition = both(error.message, reason=error.reason, hint=error.hint)
    return told
