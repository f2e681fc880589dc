"""Who is at this machine, for docks that ask for no token."""

from __future__ import annotations

import getpass
import re

_OWNER_JUNK = re.compile(r"[^A-Za-z0-9_.@+-]")


def user_name() -> str:
    """The user's name on this machine, as an owner may be named; "anonymous" where there is none."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        name = ""
    return _OWNER_JUNK.sub("-", name).strip("-_.@+")[:128] or "anonymous"
