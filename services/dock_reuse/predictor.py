"""Predictions of one learnware or of a found mixture, combined by the engine's reusers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter

from dock_reuse.runners import Runners
from dock_reuse.served import Found, MakeRandom, Served, Source
from dock_reuse.settings import ReuseSettings
from learndock.errors import FailedPrecondition, InvalidInput, Overloaded
from learndock.reuse import AveragingReuser, JobSelectorReuser, Member

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class MemberRef:
    """A learnware version (0: the one to use) and its weight in the mixture."""

    learnware_id: str
    version: int
    weight: float


@dataclass(frozen=True)
class Prediction:
    """Outputs (one array, or one a member for "raw"), the isolation in force, and what should be said."""

    outputs: list[Array]
    isolation: str
    notes: list[str]


class Predictor:
    """Runs models in sandboxes and combines what they say."""

    def __init__(
        self,
        source: Source,
        runners: Runners,
        settings: ReuseSettings,
        registry: CollectorRegistry,
        make_random: MakeRandom = np.random.default_rng,
    ) -> None:
        self._make_random = make_random
        self._breaches = Counter(
            "dock_prediction_breaches_total",
            "Predictions that broke a rule for outputs or a limit of the sandbox.",
            ["rule"],
            registry=registry,
        )
        self._source = source
        self._runners = runners
        self._settings = settings
        self._turns = threading.BoundedSemaphore(settings.max_calls)

    def predict(self, refs: Sequence[MemberRef], method: str, inputs: Array, *, tenant: str = "") -> Prediction:
        """Outputs of the members, combined as `method` says; `tenant` is the caller's, for the record of breaches.

        InvalidInput for no or too many members or rows, mixed tasks or a wrong width; FailedPrecondition
        LEARNWARE_NOT_SERVABLE for one that was not accepted, LEARNWARE_SUSPENDED, PREDICTION_BROKE_RULES where an
        answer breaks the rules of the check; Overloaded PREDICT_BUSY beyond `max_calls`.
        """
        # A waiting call would hold a thread of the server that the peers' answers may need.
        if not self._turns.acquire(blocking=False):
            raise Overloaded(
                f"{self._settings.max_calls} predictions run already.",
                reason="PREDICT_BUSY",
                hint="Try again in a moment.",
                retry_after_s=1.0,
            )
        try:
            return self._predict(refs, method, inputs, tenant)
        finally:
            self._turns.release()

    def _predict(self, refs: Sequence[MemberRef], method: str, inputs: Array, tenant: str) -> Prediction:
        self._check_size(refs, inputs)
        found = [self._servable(ref) for ref in refs]
        _check_alike(found, inputs)
        models = [self._serve(each, tenant) for each in found]
        notes: list[str] = []
        if method == "raw":
            outputs = [model.predict(inputs) for model in models]
        else:
            outputs = [self._combine(found, models, refs, method, inputs, notes)]
        return Prediction(outputs, _weakest([kind for model in models for kind in model.isolation]), notes)

    def _serve(self, found: Found, tenant: str) -> Served:
        return Served(found, self._runners, self._source, self._count, self._make_random, tenant)

    def _count(self, rule: str) -> None:
        self._breaches.labels(rule).inc()

    def _combine(
        self,
        found: list[Found],
        models: list[Served],
        refs: Sequence[MemberRef],
        method: str,
        inputs: Array,
        notes: list[str],
    ) -> Array:
        weighted = any(ref.weight for ref in refs)
        members = [
            Member(
                model=model,
                weight=ref.weight if weighted else 1.0,
                specification=self._source.specification(each) if method == "job_selector" else None,
                key=f"{each.learnware_id}:{each.version}",
            )
            for each, model, ref in zip(found, models, refs, strict=True)
        ]
        task = found[0].semantic.task_type.lower()
        classes = found[0].semantic.output_dimension if task == "classification" else None
        reuser: AveragingReuser | JobSelectorReuser
        if method == "job_selector":
            reuser = JobSelectorReuser(members, task=task, n_classes=classes)
        else:
            reuser = AveragingReuser(members, task=task, mode=method, n_classes=classes, weighted=weighted)
        try:
            result: Array = np.asarray(reuser.fit().predict(inputs))
        except FailedPrecondition as error:
            broke = [model.broke for model in models if model.broke is not None]
            if error.reason == "MEMBERS_ALL_FAILED" and len(broke) == len(models):
                raise broke[0] from error  # its reason is what the caller can act on
            raise
        # Not by catching warnings: what catches them belongs to the whole process, and calls run side by side.
        notes.extend(f"Member {name} failed and is left out: {why}" for name, why in reuser.dropped_.items())
        return result

    def _servable(self, ref: MemberRef) -> Found:
        found = self._source.get(ref.learnware_id, ref.version)
        if found.state == "SUSPENDED":
            raise FailedPrecondition(
                f"Version {found.version} of {found.learnware_id} is suspended. {found.reason_text}",
                reason="LEARNWARE_SUSPENDED",
                hint="Use another learnware; an operator can take it into use again (`dock reinstate`).",
            )
        if found.state not in ("ACCEPTED", "EMBEDDING", "INDEXED", "DEPRECATED"):
            raise FailedPrecondition(
                f"{found.learnware_id} is {found.state}; only accepted learnwares are served.",
                reason="LEARNWARE_NOT_SERVABLE",
                hint=f"See why with `dock show {found.learnware_id}`.",
            )
        return found

    def _check_size(self, refs: Sequence[MemberRef], inputs: Array) -> None:
        if not 1 <= len(refs) <= self._settings.max_members:
            raise InvalidInput(
                f"{len(refs)} learnwares were named; 1 … {self._settings.max_members} can be used at a time.",
                reason="PREDICT_MEMBERS",
            )
        if inputs.ndim == 0 or not 1 <= len(inputs) <= self._settings.max_rows:
            raise InvalidInput(
                f"Send 1 … {self._settings.max_rows} rows at a time.",
                reason="PREDICT_ROWS",
                hint="Send large data in several calls.",
            )
        if inputs.dtype.kind == "f" and not np.isfinite(inputs).all():
            raise InvalidInput(
                "The data hold NaN or infinity.",
                reason="DATA_NOT_FINITE",
                hint="Fill or drop such rows first; the models were checked on finite numbers only.",
            )


def _check_alike(found: list[Found], inputs: Array) -> None:
    first = found[0].semantic
    for each in found:
        semantic = each.semantic
        if (semantic.task_type, semantic.output_dimension) != (first.task_type, first.output_dimension):
            raise InvalidInput(
                "The learnwares answer different tasks and can't be combined.",
                reason="PREDICT_MIXED_TASKS",
                hint="Combine learnwares of one island, such as a mixture that a search found.",
            )
        width = inputs.shape[1] if inputs.ndim == 2 else 0
        if semantic.data_type == "Table" and semantic.input_dimension != width:
            raise InvalidInput(
                f"{each.learnware_id} takes rows of {semantic.input_dimension} columns, not {width}.",
                reason="INPUT_WIDTH",
                hint="Send the same columns in the same order as the specification was made from.",
            )


def _weakest(isolation: list[str]) -> str:
    return "unsafe-local" if "unsafe-local" in isolation else (isolation[0] if isolation else "")
