"""Whose token it is: looked up, compared, and remembered for a few seconds."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dock_rpc.bearer import Token
from dock_rpc.principal import Principal
from dock_rpc.recollection import Recollection
from learndock.errors import Overloaded, PermissionDenied, Unauthenticated, Unavailable

FRESH_S = 3.0
"""How long an answer is believed: a revoked token is refused within 5 s everywhere, with time to spare."""
ASK_AGAIN_S = 1.0
"""Where tokens can't be looked up, how long those who read and are known do not wait for it again."""
STRANGERS = 4
"""Tokens never seen before that are looked up at a time."""
PATIENCE_S = 1.0
"""How long others of them wait for their turn."""
_MOST = 10_000
_log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class _Vouched:
    """Somebody who was found to count, and until when by our clock: for anything, where nobody answers, at all."""

    principal: Principal
    fresh_until: float
    believed_until: float
    expires_at: float


@dataclass(frozen=True)
class _Refusal:
    """A token that did not count."""

    error: Unauthenticated | PermissionDenied
    until: float

    def again(self) -> Unauthenticated | PermissionDenied:
        """The same, for another call."""
        return type(self.error)(self.error.message, reason=self.error.reason, hint=self.error.hint)


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

    `own` is a token of this process alone, by which its services call one another. `memory_s` is how long a token that
    counted is believed where it can't be looked up, and for what changes nothing alone. Safe for threads.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        tenant: str,
        own: Token | None = None,
        memory_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._tenant = tenant
        self._own = own
        self._memory_s = memory_s
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Recollection[_Vouched] = Recollection(_MOST)
        self._refused: Recollection[_Refusal] = Recollection(_MOST)
        self._strangers = threading.BoundedSemaphore(STRANGERS)
        self._away_until: float | None = None

    def principal(self, secret: str, *, reading: bool = False) -> Principal:
        """Whom a token stands for, as of three seconds ago at most.

        `reading` says that the call changes nothing: where the token can't be looked up, it is then believed for
        `memory_s` after it was last found to count, and never longer than it lasts.
        Unauthenticated TOKEN_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED; PermissionDenied TENANT_OTHER;
        Overloaded TOKENS_WAITING. Where the token can't be looked up, the error of the directory.
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
        if self._own is not None and hmac.compare_digest(digest, self._own.digest):
            return Principal(self._tenant, "dock", frozenset({"service"}), "of-this-process")
        known, refused = self._remembered(digest)
        if known is not None and now < known.fresh_until:
            return known.principal
        if refused is not None and now < refused.until:
            raise refused.again()
        if reading and known is not None and self._was_away_just_now(now) and now < known.believed_until:
            return known.principal
        return self._asked(token, digest, now, known, reading=reading)

    def _was_away_just_now(self, now: float) -> bool:
        """Whether others found that nobody answers; from time to time one caller is to look again."""
        with self._lock:
            if self._away_until is None:
                return False
            if now >= self._away_until:
                self._away_until = now + ASK_AGAIN_S
                return False
            return True

    def _remembered(self, digest: str) -> tuple[_Vouched | None, _Refusal | None]:
        with self._lock:
            return self._known.get(digest), self._refused.get(digest)

    def _asked(self, token: Token, digest: str, now: float, known: _Vouched | None, *, reading: bool) -> Principal:
        try:
            standing = self._standing(token.token_id, known)
        except Unavailable as error:
            self._note_absence(error)
            moment = self._clock()
            if known is not None and moment >= known.expires_at:
                raise _expired(token) from error
            if reading and known is not None and moment < known.believed_until:
                return known.principal
            raise
        self._note_return()
        try:
            principal = self._checked(token, digest, standing)
        except (Unauthenticated, PermissionDenied) as error:
            with self._lock:
                self._known.forget(digest)
                self._refused.keep(digest, _Refusal(error, now + FRESH_S))
            raise
        self._remember(digest, principal, now, standing.left_s if standing is not None else 0.0)
        return principal

    def _standing(self, token_id: str, known: _Vouched | None) -> Standing | None:
        """What is kept of a token. Those never seen stand in a line of their own: made-up ones fill no other."""
        if known is not None:
            return self._directory.token(token_id)
        if not self._strangers.acquire(timeout=PATIENCE_S):
            raise Overloaded(
                "Too many tokens that were not seen before are being looked up.",
                reason="TOKENS_WAITING",
                hint="Try again in a moment.",
                retry_after_s=1.0,
            )
        try:
            return self._directory.token(token_id)
        finally:
            self._strangers.release()

    def _remember(self, digest: str, principal: Principal, now: float, left_s: float) -> None:
        """`now` is from before the question was asked."""
        vouched = _Vouched(principal, now + min(FRESH_S, left_s), now + min(self._memory_s, left_s), now + left_s)
        with self._lock:
            refused = self._refused.get(digest)
            if refused is None or refused.until <= now:  # else it was refused since, by a later look
                self._known.keep(digest, vouched)

    def _note_absence(self, error: Unavailable) -> None:
        with self._lock:
            first, self._away_until = self._away_until is None, self._clock() + ASK_AGAIN_S
        if first:
            _log.warning(
                "tokens cannot be looked up; for what changes nothing, those that counted up to %.0f s ago do: %s",
                self._memory_s,
                error,
                extra={"reason": error.reason},
            )

    def _note_return(self) -> None:
        if self._away_until is not None:
            self._away_until = None
            _log.info("tokens are looked up again")

    def _checked(self, token: Token, digest: str, standing: Standing | None) -> Principal:
        # The comparison takes as long for an id that is not there: an id is no secret, but costs nothing to hide.
        same = hmac.compare_digest(digest, standing.digest if standing is not None else "0" * 64)
        if standing is None or not same:
            raise _unknown()
        self._check(token, standing)
        return standing.principal

    def _check(self, token: Token, standing: Standing) -> None:
        if standing.revoked:
            raise Unauthenticated(
                f"The token {token.token_id} was revoked.",
                reason="TOKEN_REVOKED",
                hint="Ask the dock's operator for a new one.",
            )
        if standing.left_s <= 0:
            raise _expired(token)
        if standing.principal.tenant != self._tenant:
            raise PermissionDenied(
                f"The token {token.token_id} is for another tenant's dock.",
                reason="TENANT_OTHER",
                hint="Use the address of your own dock.",
            )


def _expired(token: Token) -> Unauthenticated:
    return Unauthenticated(
        f"The token {token.token_id} expired.",
        reason="TOKEN_EXPIRED",
        hint="Ask the dock's operator for a new one.",
    )


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "The dock does not know this token.",
        reason="TOKEN_UNKNOWN",
        hint="Look whether it is for this dock, and all of it: one line that begins with dock_pat_.",
    )
