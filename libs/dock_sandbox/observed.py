"""A runner that tells how each sandbox ended, and has a span for the life of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from dock_sandbox.port import Inputs, Outcome, Sandbox, SandboxRunner, SandboxSpec
from dock_trace import Span, begin

OnEnd = Callable[[str], None]
"""Called once for each sandbox with the reason of its outcome, OK after a clean end, START_FAILED without a start."""


class ObservedRunner:
    """SandboxRunner over another one."""

    def __init__(self, runner: SandboxRunner, on_end: OnEnd) -> None:
        self._runner = runner
        self._on_end = on_end

    def start(self, spec: SandboxSpec) -> Sandbox:
        """As the runner below."""
        life = begin("sandbox")
        try:
            return _Observed(self._runner.start(spec), life, self._on_end)
        except BaseException:
            life.fail("START_FAILED")
            life.end()
            self._on_end("START_FAILED")
            raise


class _Observed:
    def __init__(self, sandbox: Sandbox, life: Span, on_end: OnEnd) -> None:
        self._life = life
        self._sandbox = sandbox
        self._on_end = on_end
        self._ended = threading.Lock()

    @property
    def isolation(self) -> str:
        return self._sandbox.isolation

    def instantiate(self) -> Mapping[str, Any]:
        return self._sandbox.instantiate()

    def predict(self, inputs: Inputs) -> npt.NDArray[Any]:
        return self._sandbox.predict(inputs)

    def fit(self, inputs: Inputs, targets: npt.NDArray[Any], *, finetune: bool = False) -> None:
        self._sandbox.fit(inputs, targets, finetune=finetune)

    def outcome(self) -> Outcome:
        return self._sandbox.outcome()

    def close(self) -> None:
        self._sandbox.close()
        if self._ended.acquire(blocking=False):  # closing twice is allowed, and one end
            reason = self._sandbox.outcome().reason
            self._life.set("dock.isolation", self._sandbox.isolation)
            self._life.fail(reason)
            self._life.end()
            self._on_end(reason or "OK")

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
