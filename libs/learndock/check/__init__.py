"""The checks a learnware must pass, made by the trusted side on a live sandbox."""

from learndock.check.checker import Checker, Subject, installed_checkers
from learndock.check.outputs import OutputRules
from learndock.check.report import CheckFailed, CheckSkipped, CheckWarned, Report, Step
from learndock.check.run import run_checks

__all__ = [
    "CheckFailed",
    "CheckSkipped",
    "CheckWarned",
    "Checker",
    "OutputRules",
    "Report",
    "Step",
    "Subject",
    "installed_checkers",
    "run_checks",
]
