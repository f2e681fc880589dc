from __future__ import annotations

import pytest

from dock_checking.bill import Advisories
from dock_checking.examiner import Examiner, Workbench
from dock_checking.notary import Notary
from dock_checking.record import CheckRecord
from dock_checking.settings import CheckingSettings
from dock_checking.signer import Signer
from dock_db import CheckSteps, Verdicts
from dock_sandbox import ProcessSandbox
from dock_sandbox.environment import EnvironmentBuilder
from tests.packages.models import table_specification

LEASE_S = 60.0
MISFIT = {"specification": table_specification(5)}
"""A package that is rejected before anything of it is run."""


class Laboratory:
    """An examiner over the house, and what it left behind."""

    def __init__(self, house, environments):
        self.house = house
        self.scratch = house.folder / "scratch"
        self.scratch.mkdir()
        bench = Workbench(ProcessSandbox(), environments, self.scratch)
        self.notary = Notary(Signer(house.folder / "keys"), Advisories())
        settings = CheckingSettings(lease_s=LEASE_S, seed=0)
        self.examiner = Examiner(house.database, house.blobs, bench, self.notary, settings)
        self.record = CheckRecord(house.database, self.notary, poll_s=0.02)

    def verdict(self, row):
        with self.house.database.read() as session:
            return Verdicts().get(session, row.learnware_id, row.version)

    def steps(self, row):
        with self.house.database.read() as session:
            return CheckSteps().list(session, row.learnware_id, row.version)


@pytest.fixture
def laboratory(house, environments):
    return Laboratory(house, environments)


@pytest.fixture
def broken_laboratory(house, monkeypatch):
    """One whose host lacks what a check needs: no network, and nothing in uv's cache."""
    monkeypatch.setenv("UV_CACHE_DIR", str(house.folder / "empty"))
    return Laboratory(house, EnvironmentBuilder(house.folder / "none", offline=True))
