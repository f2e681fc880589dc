"""Sources of models for the contract, and how a case is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from dock_sandbox.port import Limits, Sandbox
from learndock.errors import FailedPrecondition

HEADER = "import numpy as np, os, sys, time\nfrom learnware.model import BaseModel\n"
CONSTRUCTOR = """
class Model(BaseModel):
    def __init__(self, **kwargs):
        super().__init__(input_shape=(2,), output_shape=(1,))
        self.kwargs = kwargs
"""
SMALL = Limits(memory_bytes=1 << 30, wall_seconds=40.0, call_seconds=20.0)
ROWS = np.arange(20.0).reshape(10, 2)


def model_source(predict: str, *, top: str = "", more: str = "") -> str:
    """A module with a Model whose predict has this body."""
    body = "".join(f"        {line}\n" for line in predict.splitlines())
    return f"{HEADER}{top}{CONSTRUCTOR}\n    def predict(self, X):\n{body}{more}"


def reason_of(call: Callable[[], object]) -> str:
    """Reason with which a call fails; "" where it does not."""
    try:
        call()
    except FailedPrecondition as error:
        return error.reason
    return ""


class Cases:
    """What the cases of a contract are made with."""

    def start(
        self,
        source: str,
        *,
        limits: Limits = SMALL,
        kwargs: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Sandbox]:
        """A sandbox around a package with this `__init__.py` and these other files."""
        raise NotImplementedError

    def reason(self, predict: str, *, limits: Limits = SMALL, top: str = "") -> str:
        """Reason with which one prediction on ten rows fails."""
        with self.start(model_source(predict, top=top), limits=limits) as sandbox:
            sandbox.instantiate()
            return reason_of(lambda: sandbox.predict(ROWS))
