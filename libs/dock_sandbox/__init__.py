"""SandboxRunner: where code out of packages runs, and nowhere else."""

from dock_sandbox.port import Limits, Outcome, Sandbox, SandboxRunner, SandboxSpec

__all__ = ["Limits", "Outcome", "Sandbox", "SandboxRunner", "SandboxSpec"]
