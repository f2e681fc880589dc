"""Checkers: checks of an organisation's own, made after the dock's and never in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from learndock import plugins
from learndock.check.inputs import Inputs
from learndock.check.report import BUILT_IN, CheckFailed, CheckSkipped, CheckWarned
from learndock.errors import DockError, Unavailable
from learndock.package import Package
from learndock.semantic import SemanticSpecification


@dataclass(frozen=True)
class Subject:
    """A learnware that passed every check before this one.

    `predict` asks the model in its sandbox, and nowhere else: rows (n, d) in, an array with n rows out.
    `rng` is the check's own; drawing from it keeps a check repeatable under the dock's seed.
    """

    package: Package
    semantic: SemanticSpecification
    predict: Callable[[Inputs], npt.NDArray[Any]]
    rng: np.random.Generator


class Checker(Protocol):
    """One more step of a check. `name` is the step's: lower case and underscores, none of the dock's own."""

    name: str

    def check(self, subject: Subject) -> str:
        """Say in a few words what was found to be right.

        Raises CheckFailed (the learnware is rejected), CheckWarned or CheckSkipped (it is not). Anything else is
        the checker's own fault: no verdict is given, and the check is tried again.
        """
        ...


def installed_checkers() -> list[Checker]:
    """Every checker that is installed, in the order of their names. Unavailable PLUGIN_BROKEN.

    An entry point may be a checker or a class of them.
    """
    found = plugins.load_all(plugins.CHECKERS)
    return [each() if isinstance(each, type) else each for _, each in sorted(found.items())]


def steps_of(checkers: Sequence[Checker], subject: Callable[[], Subject]) -> list[tuple[str, Callable[[], str]]]:
    """The steps of checkers by name. FailedPrecondition PLUGIN_BROKEN for names that are taken or no names."""
    taken: Mapping[str, None] = dict.fromkeys(BUILT_IN)
    steps: dict[str, Callable[[], str]] = {}
    for each in checkers:
        name = str(each.name)
        if name in taken or name in steps or not name.isidentifier() or name != name.lower():
            raise _fault(f"A checker calls itself {name!r}: names are lower case, and each is there once.")
        steps[name] = _step(each, name, subject)
    return list(steps.items())


def _step(checker: Checker, name: str, subject: Callable[[], Subject]) -> Callable[[], str]:
    def check() -> str:
        try:
            return str(checker.check(subject()))
        except (CheckFailed, CheckWarned, CheckSkipped, DockError):
            raise
        except Exception as error:
            raise _fault(f"The checker {name!r} failed: {type(error).__name__}: {error}") from error

    return check


def _fault(message: str) -> Unavailable:
    # Not the learnware's fault: no verdict comes of it, and the check can be made again.
    return Unavailable(
        message, reason="CHECKER_FAULT", hint="Repair the checker or uninstall its package; `dock plugins` lists them."
    )
