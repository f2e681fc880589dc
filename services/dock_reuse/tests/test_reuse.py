from __future__ import annotations

import threading

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from dock_db import State
from dock_reuse.peers import PeerSource
from dock_reuse.predictor import MemberRef, Predictor
from dock_reuse.runners import Runners
from dock_reuse.servicer import ReuseServicer
from dock_reuse.settings import ReuseSettings
from dock_rpc.channel import channel
from dock_rpc.convert import array_to_tensor, tensor_to_array
from dock_rpc.server import build_server
from dock_sandbox import ProcessSandbox
from dockapi.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from dockapi.reuse.v1 import reuse_pb2 as pb
from dockapi.reuse.v1 import reuse_pb2_grpc as rpc
from dockapi.specification.v1.specification_pb2_grpc import SpecificationServiceStub
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Overloaded, Unavailable
from tests.packages.models import (
    FIRST_COLUMN_CLASSIFIER,
    PROBABILITY_CLASSIFIER,
    SUM_REGRESSOR,
    table_semantic,
    table_specification,
)

pytestmark = pytest.mark.sandbox

MOODY = FIRST_COLUMN_CLASSIFIER.replace(
    "    def predict(self, X):\n",
    "    def predict(self, X):\n        import os\n        if X[0, 0] == 99:\n            os._exit(3)\n"
    "        if X[0, 0] == 98:\n            raise ValueError('a bad day')\n",
)
X = np.array([[-2.0, 0.0], [-0.5, 1.0], [0.5, 1.0], [2.0, 0.0]])


class Workshop:
    """Runners and a predictor over real peers."""

    def __init__(self, house, peers, environments, **settings):
        self.house = house
        self.scratch = house.folder / "scratch"
        self.scratch.mkdir()
        self.settings = ReuseSettings(**settings)
        self.runners = Runners(ProcessSandbox(), environments, self.scratch, warm=self.settings.warm)
        source = PeerSource(IngestionServiceStub(peers), SpecificationServiceStub(peers))
        self.registry = CollectorRegistry()
        self.predictor = Predictor(source, self.runners, self.settings, self.registry)

    def predict(self, rows, inputs=X, method="auto", weights=None):
        weights = weights or [0.0] * len(rows)
        refs = [MemberRef(row.learnware_id, row.version, w) for row, w in zip(rows, weights, strict=True)]
        return self.predictor.predict(refs, method, inputs)

    def opened(self):
        """Names of the folders of sandboxes that run."""
        return {path.name for path in self.scratch.iterdir()}


@pytest.fixture
def open_workshop(house, peers, environments):
    opened = []

    def make(**settings):
        opened.append(Workshop(house, peers, environments, **settings))
        return opened[-1]

    yield make
    for workshop in opened:
        workshop.runners.close()
        assert workshop.opened() == set()


@pytest.fixture
def workshop(open_workshop):
    return open_workshop()


def regressor(house, factor):
    semantic = table_semantic(task="Regression")
    return house.indexed(model_source=SUM_REGRESSOR, semantic=semantic, kwargs={"factor": factor})


def test_a_learnware_predicts_in_a_sandbox_that_stays_warm(workshop, house):
    row = house.indexed()
    prediction = workshop.predict([row])
    np.testing.assert_array_equal(prediction.outputs[0].ravel(), [0, 0, 1, 1])
    assert prediction.isolation.startswith("bubblewrap")
    assert prediction.notes == []
    before = workshop.opened()
    workshop.predict([row])
    assert workshop.opened() == before
    assert len(before) == 1


def test_beyond_so_many_calls_at_a_time_others_are_turned_away(open_workshop, house, until):
    workshop, row = open_workshop(max_calls=1), house.indexed()
    workshop.predict([row])
    refused = []

    def refuses():
        try:
            workshop.predict([row])
        except Overloaded as error:
            refused.append(error)
        return refused

    with workshop.runners.borrow(row.content_sha256, lambda path: None):
        waiting = threading.Thread(target=workshop.predict, args=([row],))
        waiting.start()
        until(lambda: workshop.runners._slots[row.content_sha256].users == 2)
        assert refuses()[0].reason == "PREDICT_BUSY"
        assert refused[0].retry_after_s > 0
    waiting.join()
    workshop.predict([row])


def test_each_state_after_acceptance_is_served_and_no_other(workshop, house):
    first = house.indexed()
    second = house.embedded(learnware_id=first.learnware_id, kwargs={"threshold": 1.0})
    np.testing.assert_array_equal(workshop.predict([second]).outputs[0].ravel(), [0, 0, 0, 1])
    deleted = house.indexed(owner="bob")
    house.delete(deleted)
    rejected = house.finished(house.claimed(house.received(owner="eve")), State.REJECTED)
    for row in (deleted, rejected, house.received(owner="joe")):
        with pytest.raises(FailedPrecondition) as refused:
            workshop.predict([row])
        assert refused.value.reason == "LEARNWARE_NOT_SERVABLE"
        assert row.state.value in refused.value.message or row is deleted
    with pytest.raises(NotFound):
        workshop.predictor.predict([MemberRef("00009999", 0, 0.0)], "auto", X)


def test_members_are_combined_as_asked(workshop, house):
    low, high = house.indexed(kwargs={"threshold": -1.0}), house.indexed(kwargs={"threshold": 1.0})
    soft = house.indexed(model_source=PROBABILITY_CLASSIFIER)
    raw = workshop.predict([low, high, soft], method="raw").outputs
    assert [np.asarray(each).reshape(4, -1).shape for each in raw] == [(4, 1), (4, 1), (4, 2)]
    for method in ("auto", "mean", "vote_by_label", "vote_by_probability", "job_selector"):
        (labels,) = workshop.predict([low, high, soft], method=method).outputs
        assert labels.shape == (4,)
        if method != "job_selector":
            np.testing.assert_array_equal(labels, [0, 0, 1, 1])
    with pytest.raises(InvalidInput) as unknown:
        workshop.predict([low], method="magic")
    assert unknown.value.reason == "MODE_UNKNOWN"


def test_weights_count_as_they_are_and_none_means_alike(workshop, house):
    single, triple = regressor(house, 1.0), regressor(house, 3.0)
    sums = X.sum(axis=1)
    np.testing.assert_allclose(workshop.predict([single, triple]).outputs[0].ravel(), 2 * sums)
    weighted = workshop.predict([single, triple], weights=[0.75, 0.25]).outputs[0].ravel()
    np.testing.assert_allclose(weighted, 1.5 * sums)
    alone = workshop.predict([single, triple], weights=[0.5, 0.0]).outputs[0].ravel()
    np.testing.assert_allclose(alone, sums)
    with pytest.raises(InvalidInput) as negative:
        workshop.predict([single, triple], weights=[1.0, -1.0])
    assert negative.value.reason == "MEMBER_WEIGHT"


@pytest.mark.filterwarnings("ignore::learndock.reuse.member.DockWarning")
def test_a_member_that_fails_is_left_out_and_named(workshop, house):
    moody, fine = house.indexed(model_source=MOODY), house.indexed()
    inputs = X.copy()
    inputs[0, 0] = 98.0
    prediction = workshop.predict([moody, fine], inputs)
    np.testing.assert_array_equal(prediction.outputs[0], [1, 0, 1, 1])
    assert len(prediction.notes) == 1
    assert moody.learnware_id in prediction.notes[0]


def test_a_sandbox_that_broke_is_replaced(workshop, house):
    row = house.indexed(model_source=MOODY)
    with pytest.raises(FailedPrecondition) as died:
        workshop.predict([row], np.array([[99.0, 0.0]]), method="raw")
    assert died.value.reason == "SANDBOX_DIED"
    assert workshop.opened() == set()
    np.testing.assert_array_equal(workshop.predict([row]).outputs[0].ravel(), [0, 0, 1, 1])
    before = workshop.opened()
    with pytest.raises(FailedPrecondition) as raised:
        workshop.predict([row], np.array([[98.0, 0.0]]), method="raw")
    assert raised.value.reason == "MODEL_RAISED"
    workshop.predict([row])
    assert workshop.opened() == before


def test_a_sandbox_that_ended_between_calls_is_replaced_unnoticed(workshop, house, until):
    row = house.indexed()
    workshop.predict([row])
    (slot,) = workshop.runners._slots.values()
    slot.sandbox._sandbox._processes.kill()
    until(lambda: slot.sandbox.outcome().reason)
    np.testing.assert_array_equal(workshop.predict([row]).outputs[0].ravel(), [0, 0, 1, 1])
    assert len(workshop.opened()) == 1


def test_the_one_used_longest_ago_makes_room(open_workshop, house):
    workshop = open_workshop(warm=2)
    rows = [house.indexed(kwargs={"threshold": float(n)}) for n in range(3)]
    folder = {}
    for row in rows[:2]:
        before = workshop.opened()
        workshop.predict([row])
        (folder[row.learnware_id],) = workshop.opened() - before
    workshop.predict([rows[0]])
    workshop.predict([rows[2]])
    assert len(workshop.opened()) == 2
    assert folder[rows[0].learnware_id] in workshop.opened()
    assert folder[rows[1].learnware_id] not in workshop.opened()


def test_a_model_that_does_not_start_takes_nobodys_room(open_workshop, house):
    workshop = open_workshop(warm=1)
    fine, broken = house.indexed(), house.indexed(model_source="import a_module_that_is_not_there\n")
    workshop.predict([fine])
    before = workshop.opened()
    with pytest.raises(FailedPrecondition) as failed:
        workshop.predict([broken], method="raw")
    assert failed.value.reason == "MODEL_IMPORT_FAILED"
    assert workshop.opened() == before


def test_a_mixture_larger_than_the_room_is_served_and_room_is_made_after(open_workshop, house):
    workshop = open_workshop(warm=1)
    rows = [house.indexed(kwargs={"threshold": float(n)}) for n in range(3)]
    assert len(workshop.predict(rows, method="raw").outputs) == 3
    assert len(workshop.opened()) == 1


def test_threads_share_a_sandbox_one_at_a_time(workshop, house):
    row = house.indexed()
    results = []

    def predict():
        results.append(workshop.predict([row]).outputs[0].ravel().tolist())

    threads = [threading.Thread(target=predict) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[0, 0, 1, 1]] * 6
    assert len(workshop.opened()) == 1


def test_a_damaged_package_is_not_run(workshop, house):
    row = house.indexed()
    (path,) = (path for path in (house.folder / "blobs" / "objects" / "packages").rglob("*") if path.is_file())
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Unavailable) as damaged:
        workshop.predict([row], method="raw")
    assert damaged.value.reason == "PACKAGE_DAMAGED"
    assert workshop.opened() == set()
    path.write_bytes(data)
    workshop.predict([row])


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (np.array([[np.nan, 1.0]]), "DATA_NOT_FINITE"),
        (np.array([[1.0, np.inf]]), "DATA_NOT_FINITE"),
        (np.zeros((3, 3)), "INPUT_WIDTH"),
        (np.zeros(3), "INPUT_WIDTH"),
        (np.zeros((0, 2)), "PREDICT_ROWS"),
        (np.zeros((11, 2)), "PREDICT_ROWS"),
        (np.float64(1.0), "PREDICT_ROWS"),
    ],
)
def test_data_that_no_model_was_checked_on_are_refused(open_workshop, house, inputs, reason):
    workshop = open_workshop(max_rows=10)
    with pytest.raises(InvalidInput) as refused:
        workshop.predict([house.indexed()], np.asarray(inputs))
    assert refused.value.reason == reason
    assert workshop.opened() == set()


def test_different_tasks_are_not_mixed(open_workshop, house):
    workshop = open_workshop(max_members=2)
    two, numbers = house.indexed(), regressor(house, 1.0)
    three = house.indexed(semantic=table_semantic(outputs=3), specification=table_specification())
    for rows in ([two, numbers], [two, three]):
        with pytest.raises(InvalidInput) as mixed:
            workshop.predict(rows)
        assert mixed.value.reason == "PREDICT_MIXED_TASKS"
    for rows in ([], [two, two, two]):
        with pytest.raises(InvalidInput) as many:
            workshop.predict(rows)
        assert many.value.reason == "PREDICT_MEMBERS"


def test_it_predicts_over_grpc(workshop, house):
    row = house.indexed()
    servicer = ReuseServicer(workshop.predictor)
    service = ("dockapi.reuse.v1.ReuseService", rpc.add_ReuseServiceServicer_to_server, servicer)
    with build_server([service], address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        stub = rpc.ReuseServiceStub(opened)
        members = [pb.Member(learnware_id=row.learnware_id)]
        answer = stub.Predict(pb.PredictRequest(members=members, inputs=array_to_tensor(X)))
        with pytest.raises(InvalidInput) as refused:
            stub.Predict(pb.PredictRequest(members=members, inputs=array_to_tensor(np.full((2, 2), np.nan))))
        opened.close()
    np.testing.assert_array_equal(tensor_to_array(answer.outputs[0]).ravel(), [0, 0, 1, 1])
    assert answer.isolation.startswith("bubblewrap")
    assert refused.value.reason == "DATA_NOT_FINITE"
