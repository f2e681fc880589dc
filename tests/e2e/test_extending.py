"""A dock with the plug-ins of docs/guide/extending.md installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from learndock.plugins.registry import forget
from learndock.specification import specify
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package, cloud
from tests.packages.extending import install
from tests.packages.models import build_package, table_semantic

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

RANDOM = """\
import numpy as np


class Model:
    def __init__(self):
        self.input_shape, self.output_shape = (2,), (1,)

    def predict(self, X):
        return np.random.default_rng().integers(0, 2, len(X))
"""


def first(folder):
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = install(tmp_path_factory.mktemp("site"))
    sys.path.insert(0, str(folder))
    forget()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("field_plugins", None)
    forget()


@pytest.fixture(scope="module")
def dock(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dock")
    environment = {"PYTHONPATH": first(site), "DOCK_SEARCH_SEARCHER": "exact"}
    running = RunningDock(folder / "data", folder / "dock.log", environment).start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-4000:]


def push_moments(client, folder, region):
    from field_plugins import MomentsSpecification

    path = build_package(
        folder / f"moments-{region}.zip",
        specification=MomentsSpecification.of(cloud(region, seed=1)),
        specification_class="MomentsSpecification",
        semantic=table_semantic(3),
        kwargs={"width": 3},
    )
    record = client.wait(client.push(path).learnware_id, timeout=120)
    assert record.state == "INDEXED", record.reason_text
    return record.learnware_id


def test_a_type_of_ones_own_is_pushed_checked_found_and_fetched(dock, tmp_path):
    from field_plugins import MomentsSpecification

    client = dock.client()
    ids = {region: push_moments(client, tmp_path, region) for region in (0, 6)}
    task = MomentsSpecification.of(cloud(6, seed=9))
    found = client.search(task)
    assert [hit.record.learnware_id for hit in found.hits] == [ids[6], ids[0]]
    assert any("MomentsSpecification" in note for note in found.notes)
    assert client.specification(ids[6]) == MomentsSpecification.of(cloud(6, seed=1))
    assert [step.name for step in client.verdict(ids[6]).steps][-1] == "repeatable"


def test_tables_are_found_beside_them(dock, tmp_path):
    client = dock.client()
    record = client.wait(client.push(classifier_package(tmp_path, 3)).learnware_id, timeout=120)
    assert record.state == "INDEXED", record.reason_text
    assert client.search(specify(cloud(3, seed=9))).hits[0].record.learnware_id == record.learnware_id


def test_a_checker_of_ones_own_rejects_with_its_own_reason(dock, tmp_path):
    client = dock.client()
    path = build_package(tmp_path / "random.zip", model_source=RANDOM)
    record = client.wait(client.push(path).learnware_id, timeout=120)
    assert (record.state, record.reason) == ("REJECTED", "NOT_REPEATABLE")


def test_a_searcher_of_ones_own_answers_after_a_restart(dock, tmp_path):
    client = dock.client()
    record = client.wait(client.push(classifier_package(tmp_path, 7)).learnware_id, timeout=120)
    assert dock.stop() == 0
    dock.environment["DOCK_SEARCH_SEARCHER"] = "random-features"
    dock.start()
    found = dock.client().search(specify(cloud(7, seed=9)))
    assert found.hits[0].record.learnware_id == record.learnware_id
    assert list(found.notes) == ["Distances are those of random features."]


def test_dock_plugins_lists_them(site):
    command = [sys.executable, "-m", "learndock.cli.main", "plugins", "--json"]
    found = subprocess.run(command, env={**os.environ, "PYTHONPATH": first(site)}, capture_output=True, check=True)
    listed = {(each["kind"], each["name"]) for each in json.loads(found.stdout) if each["package"] == "field-plugins"}
    assert ("checker", "repeatable") in listed
    assert len(listed) == 4
    assert np.unique([kind for kind, _ in listed]).size == 4
