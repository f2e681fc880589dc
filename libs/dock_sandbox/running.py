"""A live sandbox, as the port describes it, over a channel to its worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dock_sandbox.channel import Answer, Channel, ChannelClosed, ChannelTimeout, text_array
from dock_sandbox.launch import Processes
from dock_sandbox.log import Log, clean_text
from dock_sandbox.port import Inputs, Outcome, SandboxSpec
from dock_sandbox.watch import Watch
from learndock.errors import FailedPrecondition
from learndock.runtime.wire import DIMENSIONS, FrameTooLarge, WireError

_FAULTS = frozenset({"MODEL_RAISED", "MODEL_IMPORT_FAILED", "OUTPUT_INVALID", "SANDBOX_MEMORY"})
_EXIT_CPU = 128 + 24
_EXIT_FORBIDDEN = 128 + 31
_EXIT_NUMPY_BROKEN = 86
_HINTS = {
    "MODEL_RAISED": "Read the traceback, mend the model and try again.",
    "MODEL_IMPORT_FAILED": "Read the traceback in the log; packages it needs go into requirements.txt.",
    "OUTPUT_INVALID": "predict must return an array of numbers with one row per input.",
    "ENVIRONMENT_BROKEN": "Change the versions that the package asks for; the log has the traceback.",
    "SANDBOX_TIMEOUT": "Make the model faster, or ask the operator for more time.",
    "SANDBOX_MEMORY": "Make the model smaller, or ask the operator for more memory.",
    "SANDBOX_LOG_TOO_LARGE": "Print less.",
    "SANDBOX_CPU": "Make the model faster, or ask the operator for more CPU time.",
    "SANDBOX_PROCESSES": "Start fewer processes and threads.",
    "SANDBOX_FORBIDDEN_SYSCALL": "Leave out what mounts, traces, loads kernel code or uses keyrings.",
    "SANDBOX_DIED": "See the log for what happened; a model must not end its process.",
    "SANDBOX_OUTPUT_TOO_LARGE": "Return less, or predict in smaller batches.",
}


class RunningSandbox:
    """One model in one sandbox; calls are made one at a time."""

    def __init__(self, spec: SandboxSpec, processes: Processes, isolation: str, on_close: Callable[[], None]) -> None:
        self._spec = spec
        self._limits = spec.limits
        self._processes = processes
        self._isolation = isolation
        self._on_close = on_close
        self._log = Log(spec.limits.log_bytes)
        self._channel = Channel(processes.requests, processes.answers, answer_bytes=spec.limits.output_bytes)
        self._watch = Watch(processes, spec.limits, self._log)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def isolation(self) -> str:
        """The kind of sandbox this is."""
        return self._isolation

    def greet(self, timeout_s: float = 60.0) -> None:
        """Wait until the worker is there. FailedPrecondition SANDBOX_DIED where it does not come up."""
        self._ask({"op": "hello"}, [], timeout_s)

    def instantiate(self) -> Mapping[str, Any]:
        """Build the model; see the port."""
        kwargs = dict(self._spec.kwargs)
        request = {"op": "instantiate", "module_path": self._spec.module_path, "kwargs": kwargs}
        result = self._ask({**request, "class_name": self._spec.class_name}, []).result
        try:
            return {
                "input_shape": _shape(result.get("input_shape")),
                "output_shape": _shape(result.get("output_shape")),
                "has_fit": result.get("has_fit") is True,
                "has_finetune": result.get("has_finetune") is True,
            }
        except WireError as error:
            raise self._forged(error) from None

    def predict(self, inputs: Inputs) -> npt.NDArray[Any]:
        """One call of predict; see the port."""
        kind, array = _inputs(inputs)
        answer = self._ask({"op": "predict", "kind": kind}, [array])
        if len(answer.arrays) != 1:
            raise self._forged(WireError("an answer to predict has one array"))
        return answer.arrays[0]

    def fit(self, inputs: Inputs, targets: npt.NDArray[Any], *, finetune: bool = False) -> None:
        """Call fit or finetune; see the port."""
        kind, array = _inputs(inputs)
        self._ask({"op": "fit", "kind": kind, "finetune": finetune}, [array, np.asarray(targets)])

    def outcome(self) -> Outcome:
        """How it stands."""
        if not self._watch.breach and not self._closed and self._processes.monitor.poll() is not None:
            self._watch.end(*self._death())
        self._watch.settle()
        return Outcome(self._watch.breach, self._watch.breach_text, self._log.text())

    def close(self) -> None:
        """End it with everything it started. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._watch.stop()
            self._channel.close()
            self._on_close()

    def __enter__(self) -> RunningSandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(
        self, header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]], timeout_s: float | None = None
    ) -> Answer:
        with self._lock:
            self._must_run()
            answer = self._exchange(header, arrays, timeout_s or self._limits.call_seconds)
        if answer.fault is not None:
            raise self._fault(answer.fault)
        return answer

    def _exchange(self, header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]], timeout_s: float) -> Answer:
        try:
            return self._channel.ask(header, arrays, timeout_s=timeout_s)
        except ChannelTimeout:
            self._watch.end("SANDBOX_TIMEOUT", f"{header['op']} took longer than {timeout_s:g} s.")
        except ChannelClosed:
            self._watch.end(*self._death())
        except FrameTooLarge:
            text = f"{header['op']} returned more than {self._limits.output_bytes} bytes."
            self._watch.end("SANDBOX_OUTPUT_TOO_LARGE", text)
        except WireError as error:
            raise self._forged(error) from None
        raise self._ended()

    def _must_run(self) -> None:
        if self._closed:
            raise FailedPrecondition("The sandbox is closed.", reason="SANDBOX_CLOSED", hint="Open a new one.")
        if self._watch.breach:
            raise self._ended()

    def _death(self) -> tuple[str, str]:
        code = self._processes.exit_status()
        if self._watch.judge_group():
            return self._watch.breach, self._watch.breach_text
        if code in (_EXIT_FORBIDDEN, -31):
            return "SANDBOX_FORBIDDEN_SYSCALL", "The model was killed by the system-call filter (SIGSYS)."
        if code in (_EXIT_CPU, -24):
            return "SANDBOX_CPU", f"The model used more than {self._limits.cpu_seconds} s of CPU time."
        if code == _EXIT_NUMPY_BROKEN:
            return "ENVIRONMENT_BROKEN", "numpy cannot be imported in the package's environment."
        return "SANDBOX_DIED", f"The model's process ended by itself (exit status {code})."

    def _ended(self) -> FailedPrecondition:
        reason = self._watch.breach
        return FailedPrecondition(self._watch.breach_text, reason=reason, hint=_HINTS.get(reason, ""))

    def _forged(self, error: WireError) -> FailedPrecondition:
        self._watch.end("OUTPUT_INVALID", f"The model's process answered with something else than arrays: {error}.")
        return self._ended()

    def _fault(self, fault: Mapping[str, Any]) -> FailedPrecondition:
        text = clean_text(fault["text"]).strip()
        reason = fault["reason"] if fault["reason"] in _FAULTS else "MODEL_RAISED"
        self._log.add(f"{text}\n".encode())
        last = text.rpartition("\n")[2][:500]
        return FailedPrecondition(
            f"The model failed: {_sentence(last)}",
            reason=reason,
            hint=_HINTS.get(reason, ""),
            details={"traceback": text[-2000:]},
        )


def _sentence(text: str) -> str:
    """With a full stop, since another sentence follows."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _inputs(inputs: Inputs) -> tuple[str, npt.NDArray[Any]]:
    if isinstance(inputs, np.ndarray):
        return "array", inputs
    if all(isinstance(text, str) for text in inputs):
        return "text", text_array(inputs)
    return "array", np.asarray(inputs)


def _shape(value: object) -> list[int | None] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > DIMENSIONS:
        raise WireError("a shape is no list of numbers")
    if not all(length is None or (type(length) is int and 0 <= length < 1 << 31) for length in value):
        raise WireError("a shape is no list of numbers")
    return value
