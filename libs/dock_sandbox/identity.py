"""Users for sandboxes that root starts: one number each, so that limits per user are limits per sandbox."""

from __future__ import annotations

import socket

from learndock.errors import Overloaded

FIRST_UID = 200_000
SLOTS = 512


class Identity:
    """A user number that no other sandbox on this host has, until `release`."""

    def __init__(self) -> None:
        self._claim, self.uid = _claim()

    def release(self) -> None:
        """Give the number back. Idempotent."""
        self._claim.close()


def _claim() -> tuple[socket.socket, int]:
    # A name in the abstract socket namespace is held by one process at a time and let go when it dies.
    for slot in range(SLOTS):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0learndock-sandbox-{slot}")
        except OSError:
            claim.close()
        else:
            return claim, FIRST_UID + slot
    raise Overloaded(
        f"{SLOTS} sandboxes run on this host already.",
        reason="SANDBOX_SLOTS_TAKEN",
        hint="Try again when some have ended.",
        retry_after_s=5.0,
    )
