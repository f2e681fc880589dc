"""URLs as they may be shown: whoever logs one, or prints the settings, asks here first."""

from __future__ import annotations

import re

HIDDEN = "******"
_PARAMETER = re.compile(r"((?:password|secret|token|key)=)[^&,]+", re.IGNORECASE)
_NEXT = r"(?!,[\w+.-]+://)"
"""Several URLs in a row: what belongs to one ends before the next."""
_USERINFO = re.compile(rf"([\w+.-]+)://([^/@,:]*)(:(?:(?:{_NEXT}[^?])*(?=@)|(?:{_NEXT}[^@])*))?@")
"""Scheme, user and password; `/`, `?`, `#` and `@` in a password should be escaped, and often are not."""


def place_of(url: str) -> str:
    """One URL, or several with commas, without user, password and options."""
    bare = _USERINFO.sub(r"\1://", url)
    return ",".join(re.split(r"[?#]", each.strip(), maxsplit=1)[0] for each in bare.split(","))


def masked(text: str) -> str:
    """The same with everything but secrets: user and options stay, passwords, keys and tokens do not."""
    return _PARAMETER.sub(rf"\1{HIDDEN}", _USERINFO.sub(_mask, text))


def _mask(found: re.Match[str]) -> str:
    scheme, user, password = found[1], found[2], found[3]
    if password is not None:
        return f"{scheme}://{user}:{HIDDEN}@"
    # A lone word before the host is a user to PostgreSQL, and a token to NATS.
    return f"{scheme}://{user if scheme.startswith('postgres') else HIDDEN}@"
