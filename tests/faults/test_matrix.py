"""The fault matrix on separate services, each row once: the short form of tools/torture/faults.py."""

from __future__ import annotations

import pytest
from tools.services.missing import ServerMissing

import faults
from deaths import PASSED_BY, passed_by
from dock_failpoint.names import NAMES
from estate import Estate
from tests.servers import leave_out

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox, pytest.mark.timeout(1200)]

NOT_ON_THE_WAY = {"blob.append", "blob.put", "blob.publish", "blob.complete", "blob.delete", "signing_key"}
"""Of a dock on one folder, and of an exchange of the key."""


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    try:
        made = Estate(tmp_path_factory.mktemp("estate"))
    except ServerMissing as missing:
        leave_out(missing)
    with made as running:
        yield running


@pytest.fixture(scope="module")
def story():
    return faults.Story()


@pytest.mark.parametrize("row", faults.ROWS)
def test_what_was_promised_holds_through_the_row(row, estate, story):
    outcome = faults.play(row, estate, story, seed=0)
    assert outcome.breaches == []
    assert any(call.kind == "push" and call.acknowledged for call in story.calls)


def test_every_failpoint_of_separate_services_is_drawn():
    drawn = {name for target in PASSED_BY for name in passed_by(target)}
    assert {name.rpartition(".")[0] for name in NAMES if name not in drawn} == NOT_ON_THE_WAY
