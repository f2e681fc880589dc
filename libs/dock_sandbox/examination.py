"""From a package's file to a verdict, or to a live model: the one way there is, for `dock check` and the services."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dock_sandbox.environment import Environment, EnvironmentBuilder
from dock_sandbox.port import Inputs, Limits, Outcome, Sandbox, SandboxRunner, SandboxSpec
from learndock.check import Checker, Step, installed_checkers, run_checks
from learndock.errors import DockError, FailedPrecondition, InvalidInput
from learndock.package import Package, PackageLimits, check_agreement, extract_package
from learndock.semantic import SemanticSpecification

OnStep = Callable[[Step], None]
_STANDARD = Limits()
_PACKAGE = PackageLimits()
SERVING = Limits(wall_seconds=math.inf, cpu_seconds=10_000_000, log_bytes=16 << 20)
"""Limits of a model that is kept for later calls: each call is bounded, its life is not."""


@dataclass(frozen=True)
class Examination:
    """What came of a check; `isolation` is "" where nothing was run.

    `setting` is the one whose limit the package passed, "" where none was: another dock may have set it otherwise.
    """

    accepted: bool
    reason: str
    reason_text: str
    steps: tuple[Step, ...]
    log: str
    environment: Environment | None
    isolation: str
    setting: str = ""


def examine(
    package_path: Path,
    *,
    semantic: SemanticSpecification | None,
    runner: SandboxRunner,
    environments: EnvironmentBuilder,
    scratch: Path,
    rng: np.random.Generator,
    on_step: OnStep,
    limits: Limits = _STANDARD,
    package_limits: PackageLimits = _PACKAGE,
    checkers: Sequence[Checker] | None = None,
) -> Examination:
    """Check a package: read it, build its environment, run its model in a sandbox.

    `semantic` overrides the package's own; `checkers` are those that are installed unless given. A fault of the
    package gives a verdict; a fault of the host raises Unavailable or Internal, and the check can be made again.
    """
    found = installed_checkers() if checkers is None else checkers
    examiner = _Examiner(runner, environments, limits, rng, on_step, found)
    return examiner.examine(package_path, semantic, scratch, package_limits)


def open_model(
    package_path: Path,
    *,
    runner: SandboxRunner,
    environments: EnvironmentBuilder,
    scratch: Path,
    limits: Limits = SERVING,
    package_limits: PackageLimits = _PACKAGE,
) -> OpenModel:
    """A sandbox with the package's model built in it. Closing it removes what was unpacked under `scratch`."""
    folder = _new_folder(scratch)
    sandbox: OpenModel | None = None
    try:
        package = _unpack(package_path, folder, package_limits)
        environment = environments.build(package.environment)
        sandbox = OpenModel(runner.start(_spec(package, environment, folder, limits)), folder)
        sandbox.instantiate()
    except BaseException:
        if sandbox is not None:
            sandbox.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return sandbox


class OpenModel:
    """A sandbox that owns the folder its package lies in."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self.declared: Mapping[str, Any] = {}
        """What the model said of itself when it was built; see the port's `instantiate`."""

    @property
    def isolation(self) -> str:
        """The kind of sandbox it is."""
        return self._sandbox.isolation

    def instantiate(self) -> Mapping[str, Any]:
        """Build the model anew; see the port."""
        self.declared = self._sandbox.instantiate()
        return self.declared

    def predict(self, inputs: Inputs) -> npt.NDArray[Any]:
        """One call of predict; see the port."""
        return self._sandbox.predict(inputs)

    def fit(self, inputs: Inputs, targets: npt.NDArray[Any], *, finetune: bool = False) -> None:
        """Call fit or finetune; see the port."""
        self._sandbox.fit(inputs, targets, finetune=finetune)

    def outcome(self) -> Outcome:
        """How it stands."""
        return self._sandbox.outcome()

    def close(self) -> None:
        """End it and remove its package. Idempotent."""
        self._sandbox.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> OpenModel:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Examiner:
    def __init__(
        self,
        runner: SandboxRunner,
        environments: EnvironmentBuilder,
        limits: Limits,
        rng: np.random.Generator,
        on_step: OnStep,
        checkers: Sequence[Checker],
    ) -> None:
        self._runner = runner
        self._environments = environments
        self._limits = limits
        self._rng = rng
        self._on_step = on_step
        self._checkers = checkers
        self._steps: list[Step] = []
        self._environment: Environment | None = None
        self._setting = ""

    def examine(
        self, path: Path, semantic: SemanticSpecification | None, scratch: Path, limits: PackageLimits
    ) -> Examination:
        folder = _new_folder(scratch)
        try:
            package = self._step("package", lambda: _unpack(path, folder, limits), _describe_package)
            semantic = self._agree(package, semantic)
            self._environment = self._step(
                "environment", lambda: self._environments.build(package.environment), _describe_environment
            )
            return self._run(package, semantic, _spec(package, self._environment, folder, self._limits))
        except (InvalidInput, FailedPrecondition) as error:
            self._setting = error.details.get("setting", "")
            return self._verdict(error.reason, str(error), log=error.details.get("log", ""))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _agree(self, package: Package, semantic: SemanticSpecification | None) -> SemanticSpecification:
        agreed = semantic or package.semantic
        if agreed is None:
            raise InvalidInput(
                "The package has no semantic specification, and none was given.",
                reason="SEMANTIC_MISSING",
                hint="Put semantic_specification.json into it (`dock init` writes one).",
            )
        check_agreement(package, agreed)
        return agreed

    def _run(self, package: Package, semantic: SemanticSpecification, spec: SandboxSpec) -> Examination:
        with self._runner.start(spec) as sandbox:
            report = run_checks(
                package, semantic, sandbox, rng=self._rng, on_step=self._on_step, checkers=self._checkers
            )
            self._steps += report.steps
            log = sandbox.outcome().log
            return self._verdict(report.reason, report.reason_text, log=log, isolation=sandbox.isolation)

    def _step(self, name: str, act: Callable[[], Any], describe: Callable[[Any], tuple[bool, str]]) -> Any:
        start = time.monotonic()
        self._on_step(Step(name, "running", "", 0.0))
        try:
            result = act()
        except DockError as error:
            self._add(Step(name, "failed", error.message, time.monotonic() - start))
            raise
        clean, detail = describe(result)
        self._add(Step(name, "passed" if clean else "warned", detail, time.monotonic() - start))
        return result

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self._on_step(step)

    def _verdict(self, reason: str, text: str, *, log: str = "", isolation: str = "") -> Examination:
        steps = tuple(self._steps)
        return Examination(not reason, reason, text, steps, log, self._environment, isolation, self._setting)


def _describe_package(package: Package) -> tuple[bool, str]:
    said = "; ".join(package.notes)
    return not package.notes, said or f"{len(package.files)} files, {package.size_bytes} bytes"


def _describe_environment(environment: Environment) -> tuple[bool, str]:
    said = "; ".join([f"Python {environment.python_version}", *environment.notes])
    return not environment.notes, said


def _new_folder(scratch: Path) -> Path:
    scratch.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="model-", dir=scratch))


def _unpack(path: Path, folder: Path, limits: PackageLimits) -> Package:
    package = extract_package(path, folder / "package", limits=limits)
    # The folder above is ours alone; the one that is mounted must be readable to the sandbox's own user.
    (folder / "package").chmod(0o755)
    return package


def _spec(package: Package, environment: Environment, folder: Path, limits: Limits) -> SandboxSpec:
    return SandboxSpec(
        package_dir=folder / "package",
        python=environment.python,
        environment_dirs=environment.dirs,
        module_path=package.model.module_path,
        class_name=package.model.class_name,
        kwargs=package.model.kwargs,
        limits=limits,
    )
