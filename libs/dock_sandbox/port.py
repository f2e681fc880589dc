"""The port: run one package's model apart from everything, arrays in and arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Inputs = npt.NDArray[Any] | Sequence[str]


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use. Breaching one ends the sandbox, and the outcome names it."""

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 600
    wall_seconds: float = 600.0
    """For the sandbox's whole life."""
    call_seconds: float = 60.0
    """For one call (instantiate, predict)."""
    processes: int = 256
    log_bytes: int = 1 << 20
    output_bytes: int = 256 << 20
    """Largest array that may come out of one call."""
    scratch_bytes: int = 256 << 20


@dataclass(frozen=True)
class SandboxSpec:
    """Everything a run needs. Paths are read-only inside."""

    package_dir: Path
    """The unpacked package; mounted at /package."""
    python: Path
    """Interpreter of the environment that was built for it."""
    environment_dirs: Sequence[Path]
    """Folders the interpreter needs (environment, base Python), mounted at their own paths."""
    module_path: str
    class_name: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()


@dataclass(frozen=True)
class Outcome:
    """How a sandbox ended.

    `reason` is "" while it runs and after a clean end, otherwise a stable one: SANDBOX_TIMEOUT, SANDBOX_MEMORY,
    SANDBOX_CPU, SANDBOX_PROCESSES, SANDBOX_FORBIDDEN_SYSCALL, SANDBOX_OUTPUT_TOO_LARGE, SANDBOX_LOG_TOO_LARGE,
    SANDBOX_DIED, OUTPUT_INVALID. A model that raises (MODEL_RAISED, MODEL_IMPORT_FAILED) or returns something else
    than an array of numbers (OUTPUT_INVALID, then of the call) lives on.
    """

    reason: str
    text: str
    log: str


class Sandbox(Protocol):
    """A live sandbox with one model in it. Errors are FailedPrecondition with the reasons of Outcome."""

    @property
    def isolation(self) -> str:
        """Its kind: "bubblewrap", "bubblewrap+cgroup" where the kernel bounds its memory in a control group.

        Or "unsafe-local" where the user chose to go without.
        """
        ...

    def instantiate(self) -> Mapping[str, Any]:
        """Build the model and say what it says of itself.

        {"input_shape": list|None, "output_shape": list|None, "has_fit": bool, "has_finetune": bool}
        """
        ...

    def predict(self, inputs: Inputs) -> npt.NDArray[Any]:
        """One call of the model's predict; always a plain ndarray of numbers or bools."""
        ...

    def fit(self, inputs: Inputs, targets: npt.NDArray[Any], *, finetune: bool = False) -> None:
        """Call the model's fit or finetune, where it has them."""
        ...

    def outcome(self) -> Outcome:
        """How it stands, with the log so far."""
        ...

    def close(self) -> None:
        """End it and everything it started. Idempotent."""
        ...

    def __enter__(self) -> Sandbox: ...

    def __exit__(self, *exc: object) -> None: ...


class SandboxRunner(Protocol):
    """Starts sandboxes."""

    def start(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox with nothing run in it yet. Unavailable (SANDBOX_MISSING) where the host lacks what it needs."""
        ...


Array = npt.NDArray[np.float64]
