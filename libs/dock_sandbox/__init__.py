"""SandboxRunner: where code out of packages runs, and nowhere else."""

from dock_sandbox.isolation import Finding, isolation_report
from dock_sandbox.port import Limits, Outcome, Sandbox, SandboxRunner, SandboxSpec
from dock_sandbox.process import ProcessSandbox

__all__ = [
    "Finding",
    "Limits",
    "Outcome",
    "ProcessSandbox",
    "Sandbox",
    "SandboxRunner",
    "SandboxSpec",
    "isolation_report",
]
