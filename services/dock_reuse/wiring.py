"""Puts reuse together from the ports and peers it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from dock_reuse.peers import PeerSource
from dock_reuse.predictor import Predictor
from dock_reuse.runners import Runners
from dock_reuse.servicer import ReuseServicer
from dock_reuse.settings import ReuseSettings
from dock_sandbox import SandboxRunner
from dock_sandbox.environment import EnvironmentBuilder
from learndock.package import PackageLimits

_DEFAULTS = PackageLimits()


@dataclass(frozen=True)
class Reuse:
    """The target `reuse`: what it serves, and the sandboxes it keeps."""

    servicer: ReuseServicer
    runners: Runners

    def start(self) -> None:
        """Nothing runs before the first call."""

    def stop(self) -> None:
        """End the sandboxes."""
        self.runners.close()


def make_reuse(
    source: PeerSource,
    runner: SandboxRunner,
    environments: EnvironmentBuilder,
    scratch: Path,
    settings: ReuseSettings,
    *,
    registry: CollectorRegistry | None = None,
    package_limits: PackageLimits = _DEFAULTS,
    on_damaged: Callable[[], None] = lambda: None,
) -> Reuse:
    """Wire reuse by hand; breaches are counted in the registry, `on_damaged` hears of damaged packages."""
    runners = Runners(
        runner, environments, scratch, warm=settings.warm, package_limits=package_limits, on_damaged=on_damaged
    )
    return Reuse(ReuseServicer(Predictor(source, runners, settings, registry or CollectorRegistry())), runners)
