"""Models that behave while they are checked and not later: a real dock refuses, counts and suspends them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from learndock.errors import DockError
from learndock.specification import TableSpecification
from tests.e2e.conftest import RunningDock
from tests.packages.models import build_package, table_semantic, table_specification

pytestmark = [pytest.mark.security, pytest.mark.e2e]

PATIENT = """\
import numpy as np


class Model:
    calls = 0

    def __init__(self):
        self.input_shape, self.output_shape = (2,), (1,)

    def predict(self, X):
        Model.calls += 1
        return np.zeros(len(X)) if Model.calls <= 3 else self.later(X)

    def later(self, X):
        {later}
"""
"""The check calls predict twice."""

LATER = {
    "OUTPUT_NOT_FINITE": "return np.full(len(X), np.nan)",
    "OUTPUT_ROWS": "return np.zeros(len(X) + 1)",
    "OUTPUT_SHAPE": "return np.zeros((len(X), 2))",
    "OUTPUT_INVALID": "return np.zeros(len(X), dtype=complex)",
    "LABELS_OUT_OF_RANGE": ("return np.full(len(X), 7).view(type('Lying', (np.ndarray,), {'max': lambda self: 0}))"),
}
OVERFLOWING = """\
import numpy as np


class Model:
    def __init__(self):
        self.input_shape, self.output_shape = (2,), (1,)

    def predict(self, X):
        with np.errstate(all="ignore"):
            return np.exp(X.sum(axis=1))
"""
X = np.array([[-1.0, 0.5], [2.0, 1.0], [0.3, 0.3]])


@pytest.fixture(scope="module")
def dock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dock")
    running = RunningDock(folder / "data", folder / "dock.log", {"DOCK_METRICS_PORT": "0"}).start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-4000:]


def push(dock, tmp_path, source, task="Classification"):
    semantic = table_semantic(task=task, name=f"patient {tmp_path.name}")
    path = build_package(tmp_path / "package.zip", model_source=source, semantic=semantic)
    client = dock.client("mallory")
    record = client.wait(client.push(path).learnware_id, timeout=120)
    assert record.state == "INDEXED", record.reason_text
    return client, record


def fails(client, record, inputs=X, method="mean"):
    with pytest.raises(DockError) as refused:
        client.predict([record], inputs, method=method)
    return refused.value


def found(client):
    task = TableSpecification.from_json(json.dumps(table_specification()))
    return {hit.record.learnware_id for hit in client.search(task, limit=100).hits}


def run(dock, *words):
    command = [sys.executable, "-m", "learndock.cli.main", *words, "--data", str(dock.data)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def metrics(dock):
    line = next(line for line in dock.log.read_text().splitlines() if line.startswith("Metrics: "))
    with urllib.request.urlopen(line.removeprefix("Metrics: ")) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("rule", LATER)
def test_what_breaks_a_rule_later_is_refused_counted_suspended_and_can_come_back(rule, dock, tmp_path):
    client, record = push(dock, tmp_path, PATIENT.format(later=LATER[rule]))
    for _ in range(3):
        client.predict([record], X)
    for method in ("mean", "raw", "mean"):
        error = fails(client, record, method=method)
        if rule == "OUTPUT_INVALID":
            assert error.reason == rule
        else:
            assert (error.reason, error.details["rule"]) == ("PREDICTION_BROKE_RULES", rule)
    suspended = client.get(record.learnware_id)
    assert (suspended.state, suspended.reason) == ("SUSPENDED", "LEARNWARE_SUSPENDED")
    assert rule in suspended.reason_text
    assert record.learnware_id not in found(client)
    assert fails(client, record).reason == "LEARNWARE_SUSPENDED"
    for version in (0, 1):
        with pytest.raises(DockError) as refused:
            client.pull(record.learnware_id, tmp_path, version)
        assert refused.value.reason == "LEARNWARE_SUSPENDED"
    breaches = client.breaches(record.learnware_id)
    assert [(each.rule, each.confirmed, each.detail) for each in breaches] == [(rule, True, "asked for 3 rows")] * 3
    assert f'dock_prediction_breaches_total{{rule="{rule}"}} 3.0' in metrics(dock)
    assert "is INDEXED again" in run(dock, "reinstate", record.learnware_id, "--why", "a second chance")
    fails(client, record)  # its sandbox has counted on
    assert client.get(record.learnware_id).state == "INDEXED"
    rules = [each.rule for each in client.breaches(record.learnware_id)]
    assert rules == [rule, "REINSTATED", rule, rule, rule]
    client.wait(record.learnware_id)
    assert record.learnware_id in settled(lambda: found(client), record.learnware_id)


def settled(look, wanted):
    for _ in range(1200):
        seen = look()
        if wanted in seen:
            return seen
        time.sleep(0.1)
    return look()


def test_a_caller_cannot_suspend_what_overflows_on_his_numbers_only(dock, tmp_path):
    client, record = push(dock, tmp_path, OVERFLOWING, task="Regression")
    for _ in range(5):
        error = fails(client, record, np.full((4, 2), 1e6))
        assert (error.reason, error.details["rule"]) == ("PREDICTION_BROKE_RULES", "OUTPUT_NOT_FINITE")
    np.testing.assert_allclose(np.ravel(client.predict([record], X)), np.exp(X.sum(axis=1)))
    assert client.get(record.learnware_id).state == "INDEXED"
    assert [each.confirmed for each in client.breaches(record.learnware_id)] == [False] * 5
