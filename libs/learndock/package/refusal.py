"""One sentence for each way in which a package can be wrong."""

from __future__ import annotations

from typing import NoReturn

from learndock.errors import InvalidInput


def refuse(reason: str, message: str, *, hint: str = "", **details: object) -> NoReturn:
    """Raise InvalidInput with a reason of this package."""
    raise InvalidInput(message, reason=reason, hint=hint, details=details)


def shown(text: object, most: int = 120) -> str:
    """Quote a stranger's text for a message: bounded, control characters escaped."""
    quoted = ascii(str(text)[: most + 1])
    return f"{quoted[:most]}…" if len(quoted) > most else quoted
