"""A learnware as a model that the dock serves: every answer keeps the rules of the check, and a breach is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dock_reuse.runners import Runners
from learndock.check import CheckFailed, OutputRules
from learndock.check.inputs import Inputs, among, batch_size, random_inputs
from learndock.errors import DockError, FailedPrecondition, NotFound, Unavailable
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

Array = npt.NDArray[Any]
MakeRandom = Callable[[], np.random.Generator]

JUDGED = frozenset(
    {
        "LABELS_OUT_OF_RANGE",
        "OUTPUT_DIMENSION",
        "OUTPUT_INVALID",
        "OUTPUT_NOT_FINITE",
        "OUTPUT_ROWS",
        "OUTPUT_SHAPE",
        "SANDBOX_FORBIDDEN_SYSCALL",
        "SANDBOX_OUTPUT_TOO_LARGE",
    }
)
"""Rules for what comes out, and calls nobody makes in good faith.

Whether one is broken on inputs of the dock's own is tried at once.
"""
COUNTED = JUDGED | {
    "SANDBOX_CPU",
    "SANDBOX_DIED",
    "SANDBOX_LOG_TOO_LARGE",
    "SANDBOX_MEMORY",
    "SANDBOX_PROCESSES",
    "SANDBOX_TIMEOUT",
}
"""All that is counted. A busy host breaks the others too, so they suspend nothing."""


@dataclass(frozen=True)
class Found:
    """What the dock knows of a learnware that is to be reused."""

    learnware_id: str
    version: int
    state: str
    content_sha256: str
    semantic: SemanticSpecification
    reason_text: str = ""


class Source(Protocol):
    """Where records, packages and specifications come from, and where breaches are told: the peers."""

    def get(self, learnware_id: str, version: int) -> Found:
        """The record; version 0 is the one to use."""
        ...

    def package(self, found: Found) -> Iterator[bytes]:
        """The package's bytes."""
        ...

    def specification(self, found: Found) -> TableSpecification:
        """The statistical specification."""
        ...

    def report_breach(self, found: Found, rule: str, rows: int, *, confirmed: bool, tenant: str) -> None:
        """Tell that a prediction broke a rule, `confirmed` where one on the dock's own inputs did too."""
        ...


class Served:
    """One learnware for one call: each predict borrows its sandbox.

    FailedPrecondition PREDICTION_BROKE_RULES where the answer breaks a rule; the detail `rule` names it. What the
    sandbox itself raises passes; both are told to `on_breach(rule)` and to the source.
    """

    def __init__(
        self,
        found: Found,
        runners: Runners,
        source: Source,
        on_breach: Callable[[str], None],
        make_random: MakeRandom,
        tenant: str,
    ) -> None:
        self._tenant = tenant
        self._found = found
        self._runners = runners
        self._source = source
        self._on_breach = on_breach
        self._make_random = make_random
        self._declared: Mapping[str, Any] = {}
        self.isolation: list[str] = []
        self.broke: DockError | None = None
        """The breach of the last call."""

    def predict(self, inputs: Array) -> Array:
        """What it says of the rows of `inputs`, shape (n, ...)."""
        try:
            return self._ask(inputs)
        except FailedPrecondition as error:
            rule = error.details.get("rule", error.reason)
            if rule in COUNTED:
                self.broke = error
                self._tell(rule, len(inputs))
            raise

    def _ask(self, inputs: Inputs, *, finite: bool = True) -> Array:
        with self._runners.borrow(self._found.content_sha256, self._fetch) as sandbox:
            self.isolation.append(sandbox.isolation)
            self._declared = sandbox.declared
            outputs = sandbox.predict(inputs)
            rules = OutputRules.of(self._found.semantic, sandbox.declared.get("output_shape"))
        try:
            rules.check(outputs, len(inputs), finite=finite)
        except CheckFailed as failed:
            raise FailedPrecondition(
                f"{self._found.learnware_id} broke a rule that it kept while it was checked. {failed.text}",
                reason="PREDICTION_BROKE_RULES",
                hint="Use another learnware; the dock has counted it, and its owner can see it.",
                details={"rule": failed.reason, "learnware_id": self._found.learnware_id},
            ) from None
        return outputs

    def _tell(self, rule: str, rows: int) -> None:
        self._on_breach(rule)
        confirmed = rule in JUDGED and self._breaks_for_us()
        self._source.report_breach(self._found, rule, rows, confirmed=confirmed, tenant=self._tenant)

    def _breaks_for_us(self) -> bool:
        """Whether it breaks one on the dock's own inputs too, in the sandbox as it is: what it counted, it counted."""
        try:
            for inputs, finite in self._probes():
                self._ask(inputs, finite=finite)
        except FailedPrecondition as error:
            return error.details.get("rule", error.reason) in JUDGED
        except DockError:
            return False
        return False

    def _probes(self) -> Iterator[tuple[Inputs, bool]]:
        """Inputs like those of the check, and whether the answers must be finite."""
        rng, semantic = self._make_random(), self._found.semantic
        shape = self._declared.get("input_shape")
        yield random_inputs(semantic.data_type, shape, batch_size(rng), rng), False
        if semantic.data_type == "Table":
            try:
                points = self._source.specification(self._found).z
            except NotFound:
                return
            yield among(np.asarray(points, dtype=np.float64), batch_size(rng), rng), True

    def _fetch(self, path: Path) -> None:
        hasher = hashlib.sha256()
        with path.open("wb") as out:
            for chunk in self._source.package(self._found):
                hasher.update(chunk)
                out.write(chunk)
        if hasher.hexdigest() != self._found.content_sha256:
            raise Unavailable(
                f"The package of {self._found.learnware_id} did not arrive as the dock recorded it.",
                reason="PACKAGE_DAMAGED",
                hint="Try again; if it stays so, the store is damaged and the operator should know.",
            )
