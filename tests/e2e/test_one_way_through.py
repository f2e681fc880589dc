"""Submit, check, search, reuse, on a running dock: the one way through the house."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import grpc
import numpy as np
import pytest

from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from learndock.errors import DockError, FailedPrecondition, InvalidInput, NotFound, Unavailable
from learndock.reuse import AveragingReuser
from learndock.specification import specify
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package, cloud, hostile_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def found(dock: RunningDock, tmp_path_factory: pytest.TempPathFactory):
    """Three learnwares in the dock, each made for a region of its own; ids by region."""
    folder = tmp_path_factory.mktemp("packages")
    client = dock.client()
    ids = {}
    for region in (0, 4, 8):
        record = client.push(classifier_package(folder, region))
        ids[region] = record.learnware_id
    for learnware_id in ids.values():
        assert client.wait(learnware_id, timeout=120).state == "INDEXED"
    return ids


def test_a_task_finds_the_learnware_made_for_its_distribution(dock, found):
    for region, learnware_id in found.items():
        answer = dock.client().search(specify(cloud(region, seed=9)), task_type="Classification", output_dimension=2)
        assert answer.hits[0].record.learnware_id == learnware_id
        assert answer.hits[0].distance < answer.hits[1].distance


def test_the_mixture_covers_a_task_of_two_regions(dock, found):
    task = np.concatenate([cloud(0, seed=5), cloud(8, seed=6)])
    answer = dock.client().search(specify(task), task_type="Classification")
    members = {member.record.learnware_id for member in answer.mixture.members}
    assert {found[0], found[8]} <= members
    assert sum(member.weight for member in answer.mixture.members) == pytest.approx(1)


def test_what_is_found_predicts_here_and_in_the_dock_alike(dock, found):
    X = cloud(0, seed=11)
    answer = dock.client().search(specify(X), task_type="Classification")
    with answer.load("single") as here, answer.load("single", where="dock") as there:
        local = AveragingReuser(here, task="classification", n_classes=2).fit().predict(X)
        remote = AveragingReuser(there, task="classification", n_classes=2).fit().predict(X)
    np.testing.assert_array_equal(local, remote)
    assert set(np.unique(local)) <= {0, 1}


def test_the_dock_combines_a_mixture_itself(dock, found):
    X = np.concatenate([cloud(0, seed=5), cloud(8, seed=6)])
    answer = dock.client().search(specify(X), task_type="Classification")
    labels = dock.client().predict(answer.mixture.members, X, method="job_selector")
    assert labels.shape[0] == len(X)


def test_a_pulled_package_is_the_pushed_one(dock, found, tmp_path: Path):
    pulled = dock.client().pull(found[0], tmp_path)
    pushed = classifier_package(tmp_path / "again", 0)
    assert pulled.read_bytes() == pushed.read_bytes()


def test_the_same_content_again_is_the_same_learnware(dock, found, tmp_path: Path):
    again = dock.client().push(classifier_package(tmp_path, 4))
    assert again.learnware_id == found[4]


def test_every_step_of_a_check_is_shown(dock, found):
    names = [step.name for step in dock.client().verdict(found[0]).steps if step.status != "running"]
    assert names.index("environment") < names.index("instantiate") < names.index("predict")


@pytest.mark.parametrize("kind", ["raises", "wrong_shape", "exits", "no_such_module"])
def test_a_faulty_model_is_rejected_with_its_reason(dock, tmp_path, kind):
    client = dock.client()
    package, reasons = hostile_package(tmp_path, kind)
    record = client.wait(client.push(package).learnware_id, timeout=120)
    assert record.state == "REJECTED"
    assert record.reason in reasons
    assert record.reason_text


def test_bad_uploads_are_refused_and_leave_nothing(dock, found, tmp_path: Path):
    client = dock.client()
    before = {record.learnware_id for record in client.list()}, dock.keys()
    no_zip = tmp_path / "notes.zip"
    no_zip.write_bytes(b"these are notes")
    with pytest.raises(InvalidInput) as refused:
        client.push(no_zip)
    assert refused.value.reason == "ZIP_NOT_A_ZIP"
    assert ({record.learnware_id for record in client.list()}, dock.keys()) == before


def test_a_specification_of_another_width_finds_nothing_and_says_so(dock, found):
    answer = dock.client().search(specify(np.random.default_rng(0).normal(size=(200, 7))))
    assert answer.hits == []
    assert answer.notes


def test_a_wrong_id_is_not_found(dock):
    with pytest.raises(NotFound) as missing:
        dock.client().get("lw-nothing")
    assert missing.value.reason == "LEARNWARE_NOT_FOUND"


def test_nan_is_refused(dock, found):
    with pytest.raises(InvalidInput) as refused:
        dock.client().predict([found[0]], np.array([[np.nan, 1.0, 2.0]]))
    assert refused.value.reason == "DATA_NOT_FINITE"


def test_a_dock_that_is_down_is_said_to_be():
    from learndock.client import Dock

    with pytest.raises(Unavailable) as down:
        Dock("127.0.0.1:1").list()
    assert down.value.reason == "DOCK_UNREACHABLE"


def test_deleted_learnwares_leave_search_at_once(dock, found, tmp_path):
    client = dock.client("somebody-else")
    record = client.wait(client.push(classifier_package(tmp_path, 12)).learnware_id, timeout=120)
    X = specify(cloud(12, seed=1))
    assert client.search(X).hits[0].record.learnware_id == record.learnware_id
    client.delete(record.learnware_id)
    assert record.learnware_id not in [hit.record.learnware_id for hit in client.search(X).hits]
    with pytest.raises(DockError):
        client.pull(record.learnware_id, tmp_path)


def test_an_update_serves_the_old_version_until_the_new_one_is_ready(dock, tmp_path):
    client = dock.client()
    first = client.wait(client.push(classifier_package(tmp_path, 20)).learnware_id, timeout=120)
    second = client.push(classifier_package(tmp_path, 21), learnware_id=first.learnware_id)
    assert (second.learnware_id, second.version) == (first.learnware_id, 2)
    assert client.wait(first.learnware_id, 2, timeout=120).state == "INDEXED"
    assert client.get(first.learnware_id, 1).state == "DEPRECATED"


def test_health_reflection_and_errors_are_for_any_grpc_client(dock):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    for target in ("ingestion", "search", "reuse"):
        with grpc.insecure_channel(dock.address_of(target)) as channel:
            for service in ("", f"dockapi.{target}.v1.{target.capitalize()}Service"):
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with grpc.insecure_channel(dock.address_of("ingestion")) as channel:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as error:
            stub.GetLearnware(ingestion_pb2.GetLearnwareRequest(learnware_id="lw-nothing"), timeout=60)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_metrics_are_served(dock):
    assert dock.metrics_urls
    for url in dock.metrics_urls:
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert b"dock_rpc" in answer.read()


def test_a_second_process_on_the_same_folder_is_refused(new_dock):
    dock = new_dock().start()
    command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(dock.data), "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert "open" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_learnware_under_check_is_not_served(dock, tmp_path):
    client = dock.client()
    record = client.wait(client.push(hostile_package(tmp_path, "raises")[0]).learnware_id, timeout=120)
    with pytest.raises(FailedPrecondition) as refused:
        client.predict([record.learnware_id], np.zeros((3, 3)))
    assert refused.value.reason == "LEARNWARE_NOT_SERVABLE"
