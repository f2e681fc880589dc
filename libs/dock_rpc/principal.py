"""Who makes the call that is being served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_current: ContextVar[Principal | None] = ContextVar("dock_rpc_principal", default=None)


@dataclass(frozen=True)
class Principal:
    """Somebody whom a token stands for. Scopes are those of `dock_rpc.authorization`."""

    tenant: str
    owner: str
    scopes: frozenset[str]
    token_id: str


def current_principal() -> Principal | None:
    """Who makes the call that is being served; None where the dock asks nobody (DOCK_AUTH=off), or outside of one."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Make it the current one for a while."""
    before = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(before)
