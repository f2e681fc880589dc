"""Stand-ins for what a process makes once it has what it needs: its server listens before that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from learndock.errors import Unavailable


class LateServicer:
    """A servicer that refuses every call, saying what is waited for, until the real one is attached."""

    def __init__(self, missing: Callable[[], str]) -> None:
        self._missing = missing
        self._servicer: Any = None

    def attach(self, servicer: object) -> None:
        """From now on calls go to `servicer`."""
        self._servicer = servicer

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        def call(request: Any, context: Any) -> Any:
            if self._servicer is None:
                raise self._starting()
            return getattr(self._servicer, name)(request, context)

        return call

    def _starting(self) -> Unavailable:
        return Unavailable(
            f"This service is starting: it waits for {self._missing() or 'its index'}.",
            reason="SERVICE_STARTING",
            hint="Try again in a moment.",
            retry_after_s=1.0,
        )


class Late:
    """Passes everything on to an object that is attached later."""

    def __init__(self) -> None:
        self._object: object | None = None

    def attach(self, made: object) -> None:
        """From now on this is `made`."""
        self._object = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._object, name)
