"""The checks a learnware must pass, made by the trusted side on a live sandbox."""

from learndock.check.report import Report, Step
from learndock.check.run import run_checks

__all__ = ["Report", "Step", "run_checks"]
