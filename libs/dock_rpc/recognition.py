"""Whose token it is: looked up, compared, and remembered for a few seconds."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dock_rpc.bearer import Token
from dock_rpc.principal import Principal
from learndock.errors import PermissionDenied, Unauthenticated

FRESH_S = 3.0
"""How long an answer is believed: a revoked token is refused within 5 s everywhere, with time to spare."""
_MOST = 10_000


@dataclass(frozen=True)
class Standing:
    """What is kept of a token: the SHA-256 of its secret, whom it stands for, and whether it still counts.

    `left_s` is the time until it expires, by the clock of those who keep it.
    """

    digest: str
    principal: Principal
    left_s: float
    revoked: bool


@dataclass(frozen=True)
class Holding:
    """A learnware version as far as rights go. `published` says that it was accepted and is in use."""

    tenant: str
    owner: str
    version: int
    state: str
    published: bool


class Directory(Protocol):
    """Who is who, and whose is what. Both are read from where they are written, never from a copy that lags."""

    def token(self, token_id: str) -> Standing | None:
        """The token of that id."""
        ...

    def learnware(self, learnware_id: str, version: int) -> Holding | None:
        """A version; for 0 the one that others would use, the newest published, else the newest."""
        ...


class Recognition:
    """Turns tokens into principals of one tenant.

    `own` is a token of this process alone, by which its services call one another. Safe for threads.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        tenant: str,
        own: Token | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._tenant = tenant
        self._own = own
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Principal, float]] = {}

    def principal(self, secret: str) -> Principal:
        """Whom a token stands for, as of three seconds ago at most.

        Unauthenticated TOKEN_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED; PermissionDenied TENANT_OTHER.
        Where the token can't be looked up, the error of the directory: nobody comes in unseen.
        """
        if not secret:
            raise Unauthenticated(
                "The call brought no token.",
                reason="TOKEN_MISSING",
                hint="Ask the dock's operator for one, then `dock login`, or set DOCK_TOKEN or DOCK_TOKEN_FILE.",
            )
        token = Token.parse(secret)
        if token is None:
            raise _unknown()
        digest, now = token.digest, self._clock()
        with self._lock:
            known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        return self._look_up(token, digest, now)

    def _look_up(self, token: Token, digest: str, now: float) -> Principal:
        if self._own is not None and hmac.compare_digest(digest, self._own.digest):
            return Principal(self._tenant, "dock", frozenset({"service"}), "of-this-process")
        standing = self._directory.token(token.token_id)
        # The comparison takes as long for an id that is not there: an id is no secret, but costs nothing to hide.
        same = hmac.compare_digest(digest, standing.digest if standing is not None else "0" * 64)
        if standing is None or not same:
            raise _unknown()
        self._check(token, standing)
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[digest] = standing.principal, now + min(FRESH_S, standing.left_s)
        return standing.principal

    def _check(self, token: Token, standing: Standing) -> None:
        if standing.revoked:
            raise Unauthenticated(
                f"The token {token.token_id} was revoked.",
                reason="TOKEN_REVOKED",
                hint="Ask the dock's operator for a new one.",
            )
        if standing.left_s <= 0:
            raise Unauthenticated(
                f"The token {token.token_id} expired.",
                reason="TOKEN_EXPIRED",
                hint="Ask the dock's operator for a new one.",
            )
        if standing.principal.tenant != self._tenant:
            raise PermissionDenied(
                f"The token {token.token_id} is for another tenant's dock.",
                reason="TENANT_OTHER",
                hint="Use the address of your own dock.",
            )


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "The dock does not know this token.",
        reason="TOKEN_UNKNOWN",
        hint="Look whether it is for this dock, and all of it: one line that begins with dock_pat_.",
    )
