"""A directory of tokens in memory, and a clock that a test moves."""

from __future__ import annotations

from dock_rpc.bearer import Token
from dock_rpc.principal import Principal
from dock_rpc.recognition import Standing
from learndock.errors import DockError


class Known:
    """A directory in memory."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.lookups = 0
        self.fault: DockError | None = None

    def add(self, *scopes: str, left_s: float = 1e6, tenant: str = "default") -> Token:
        token = Token.mint()
        who = Principal(tenant, "ann", frozenset(scopes), token.token_id)
        self.standings[token.token_id] = Standing(token.digest, who, left_s, revoked=False)
        return token

    def revoke(self, token: Token) -> None:
        old = self.standings[token.token_id]
        self.standings[token.token_id] = Standing(old.digest, old.principal, old.left_s, revoked=True)

    def token(self, token_id: str) -> Standing | None:
        self.lookups += 1
        if self.fault is not None:
            raise self.fault
        return self.standings.get(token_id)

    def learnware(self, learnware_id: str, version: int) -> None:
        return None


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now
