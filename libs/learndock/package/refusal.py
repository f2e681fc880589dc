"""One sentence for each way in which a package can be wrong."""

from __future__ import annotations

from typing import NoReturn

from learndock.errors import InvalidInput
from learndock.package.limits import PackageLimits, setting_of

_NEXT = {
    "YAML_": "Mend the file; `dock init` writes one to compare with.",
    "": "Mend the package; `dock check` tries it here before you push.",
}
"""What to do next, by how the reason begins, where the place that refuses knows nothing better."""


def refuse(reason: str, message: str, *, hint: str = "", **details: object) -> NoReturn:
    """Raise InvalidInput with a reason of this package."""
    usual = next(text for start, text in _NEXT.items() if reason.startswith(start))
    raise InvalidInput(message, reason=reason, hint=hint or usual, details=details)


def refuse_limit(
    reason: str, message: str, limits: PackageLimits, bound: str, *, hint: str = "", **details: object
) -> NoReturn:
    """Raise InvalidInput for a bound of `limits` that was passed; what to do next names its value and its setting."""
    limit, setting = getattr(limits, bound), setting_of(bound)
    usual = hint or "Leave out what the model doesn't need."
    raise InvalidInput(
        message,
        reason=reason,
        hint=f"{usual} The limit is {limit}; a dock's operator sets it by {setting}.",
        details={**details, "limit": limit, "setting": setting},
    )


def shown(text: object, most: int = 120) -> str:
    """Quote a stranger's text for a message: bounded, control characters escaped."""
    quoted = ascii(str(text)[: most + 1])
    return f"{quoted[:most]}…" if len(quoted) > most else quoted
