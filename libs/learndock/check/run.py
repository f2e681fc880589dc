"""The checks in their order, each a step with a stable name; the first failure ends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from learndock.check.checker import Checker, Subject, installed_checkers, steps_of
from learndock.check.inputs import Inputs, among, batch_size, random_inputs
from learndock.check.outputs import OutputRules, check_finite, check_rows, warn_constant
from learndock.check.report import CheckFailed, CheckSkipped, CheckWarned, OnStep, Report, Status, Step
from learndock.errors import FailedPrecondition
from learndock.package import Package
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

Array = npt.NDArray[Any]


class Model(Protocol):
    """What the checks need of a live sandbox."""

    def instantiate(self) -> Mapping[str, Any]:
        """Build the model and give its shapes."""
        ...

    def predict(self, inputs: Inputs) -> Array:
        """One call of predict."""
        ...


def run_checks(
    package: Package,
    semantic: SemanticSpecification,
    sandbox: Model,
    *,
    rng: np.random.Generator,
    on_step: OnStep,
    checkers: Sequence[Checker] | None = None,
) -> Report:
    """Check a package's model in its sandbox; `checkers` come last, those that are installed unless given.

    A fault of the model gives a report that is not accepted; a fault of the host is raised as it comes.
    """
    checks = _Checks(package, semantic, sandbox, rng)
    more = steps_of(installed_checkers() if checkers is None else checkers, checks.subject)
    steps: list[Step] = []
    for name, check in [*checks.in_order(), *more]:
        on_step(Step(name, "running", "", 0.0))
        step, failure = _run(name, check)
        steps.append(step)
        on_step(step)
        if failure:
            return Report(False, failure.reason, f"{failure.text} {failure.hint}".strip(), tuple(steps))
    return Report(True, "", "", tuple(steps))


def _run(name: str, check: Callable[[], str]) -> tuple[Step, CheckFailed | None]:
    start = time.monotonic()

    def step(status: Status, detail: str) -> Step:
        return Step(name, status, detail, time.monotonic() - start)

    try:
        return step("passed", check()), None
    except CheckSkipped as skipped:
        return step("skipped", str(skipped)), None
    except CheckWarned as warned:
        return step("warned", str(warned)), None
    except CheckFailed as failed:
        return step("failed", failed.text), failed
    except FailedPrecondition as error:
        return step("failed", error.message), CheckFailed(error.reason, error.message, error.hint)


class _Checks:
    def __init__(
        self, package: Package, semantic: SemanticSpecification, sandbox: Model, rng: np.random.Generator
    ) -> None:
        self._package = package
        self._semantic = semantic
        self._sandbox = sandbox
        self._rng = rng
        self._rows = batch_size(rng)
        self._table = semantic.data_type == "Table"
        self._input_shape: Sequence[int | None] | None = None
        self._rules = OutputRules.of(semantic, None)
        self._outputs: Array = np.empty(0)

    def subject(self) -> Subject:
        """What checkers see."""
        return Subject(self._package, self._semantic, self._sandbox.predict, self._rng)

    def in_order(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            ("instantiate", self._instantiate),
            ("input_shape", self._check_input_shape),
            ("specification", self._check_specification),
            ("width", self._check_width),
            ("predict", self._predict),
            ("rows", self._check_rows),
            ("output_type", self._check_output_type),
            ("output_shape", self._check_output_shape),
            ("labels", self._check_labels),
            ("points", self._check_points),
        ]

    def _instantiate(self) -> str:
        said = self._sandbox.instantiate()
        self._input_shape = said["input_shape"]
        self._rules = OutputRules.of(self._semantic, said["output_shape"])
        return f"input_shape {_shown(self._input_shape)}, output_shape {_shown(self._rules.shape)}"

    def _check_input_shape(self) -> str:
        if not self._table:
            raise CheckSkipped("Only tables have a fixed width.")
        wanted = [self._semantic.input_dimension]
        if list(self._input_shape or ()) != wanted:
            raise CheckFailed(
                "INPUT_SHAPE",
                f"The model's input_shape is {_shown(self._input_shape)}, but Input.Dimension says {_shown(wanted)}.",
                "Correct the one that is wrong; the semantic specification describes what the model takes.",
            )
        return f"{wanted[0]} columns"

    def _check_specification(self) -> str:
        specification = self._package.specification
        if specification is None and (self._table or not self._package.specification_entries):
            raise CheckFailed(
                "SPECIFICATION_MISSING",
                "The package has no statistical specification that fits its data type.",
                "Make one with `dock spec` and name it in learnware.yaml.",
            )
        if specification is None:
            raise CheckSkipped("Specifications of this data type are kept, and not read here.")
        if not isinstance(specification, TableSpecification):
            return f"{specification.type}, width {specification.dimension}"
        if not np.isfinite(specification.self_norm):
            raise CheckFailed(
                "SPECIFICATION_INVALID",
                "The specification's distance to itself is not a finite number.",
                "Make the specification anew with `dock spec`.",
            )
        return f"{len(specification.z)} points, effective size {specification.effective_size:.1f}"

    def _check_width(self) -> str:
        specification = self._package.specification
        if not self._table or specification is None:
            raise CheckSkipped("Only tables have a fixed width.")
        if [specification.dimension] != list(self._input_shape or ()):
            raise CheckFailed(
                "SPECIFICATION_WIDTH",
                f"The specification's points have {specification.dimension} columns; the model takes "
                f"{_shown(self._input_shape)}.",
                "Make the specification from the columns that the model takes, in the same order.",
            )
        return f"{specification.dimension} columns"

    def _predict(self) -> str:
        inputs = random_inputs(self._semantic.data_type, self._input_shape, self._rows, self._rng)
        self._outputs = self._sandbox.predict(inputs)
        return f"{self._rows} random inputs"

    def _check_rows(self) -> str:
        check_rows(self._outputs, self._rows)
        return f"{self._rows} rows"

    def _check_output_type(self) -> str:
        try:
            check_finite(self._outputs)
        except CheckFailed as failed:
            # Random inputs may lie where no real ones do; on the specification's points it is a fault.
            raise CheckWarned(f"{failed.text} The inputs were random.") from None
        return str(self._outputs.dtype)

    def _check_output_shape(self) -> str:
        self._rules.check_shape(self._outputs)
        if self._rules.shape is None:
            raise CheckSkipped("The model leaves its output's shape open.")
        return _shown(self._rules.shape)

    def _check_labels(self) -> str:
        if not self._rules.counted:
            raise CheckSkipped("Only classifiers and regressors have an Output.Dimension.")
        self._rules.check_columns(self._outputs)
        columns = (self._rules.shape or (1,))[0]
        labels = self._rules.task == "Classification" and columns == 1
        return f"labels 0 to {(self._rules.outputs or 1) - 1}" if labels else f"{columns} columns"

    def _check_points(self) -> str:
        specification = self._package.specification
        if not self._table or not isinstance(specification, TableSpecification):
            raise CheckSkipped("There are no points to predict on.")
        points = specification.z
        # In any order and with some between them: a package knows its own points, and must not know the check by them.
        inputs = self._rng.permutation(np.concatenate([points, among(points, batch_size(self._rng), self._rng)]))
        self._outputs = self._sandbox.predict(inputs)
        self._rules.check(self._outputs, len(inputs))
        warn_constant(self._outputs)
        return f"predicts on the specification's {len(points)} points"


def _shown(shape: Sequence[int | None] | None) -> str:
    return "open" if shape is None else str(tuple(shape))
