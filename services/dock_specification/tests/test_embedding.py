from __future__ import annotations

import numpy as np
import pytest

from dock_bus.inprocess import InProcessBus
from dock_db import Relay, Specifications, State
from dock_rpc.channel import channel
from dock_rpc.convert import rkme_to_specification, tensor_to_array
from dock_rpc.server import build_server
from dock_specification.catalogue import SpecificationCatalogue
from dock_specification.embedding import Embedder, EmbeddingQueue
from dock_specification.servicer import SpecificationServicer
from dock_specification.settings import SpecificationSettings
from dock_specification.wiring import make_specification
from dockapi.specification.v1 import specification_pb2 as pb
from dockapi.specification.v1 import specification_pb2_grpc as rpc
from learndock.errors import DockError, NotFound, Unavailable
from learndock.search import Island
from learndock.specification import TableSpecification
from tests.packages.models import table_semantic, table_specification

LEASE_S = 60.0


@pytest.fixture
def embedder(house):
    return Embedder(house.database, house.blobs, lease_s=LEASE_S)


@pytest.fixture
def catalogue(house):
    return SpecificationCatalogue(house.database, "default")


def stored(house, row):
    with house.database.read() as session:
        return Specifications().get(session, row.learnware_id, row.version)


def test_the_numbers_that_decide_searches_are_computed_here(embedder, catalogue, house):
    document = {**table_specification(), "self_norm": 99.0, "effective_size": 99.0}
    row = house.accepted(specification=document)
    claimed = embedder.next()
    assert (claimed.learnware_id, claimed.state) == (row.learnware_id, State.EMBEDDING)
    assert embedder.embed(claimed)
    found, specification = catalogue.get(row.learnware_id, 0)
    own = TableSpecification.from_json(table_specification())
    np.testing.assert_array_equal(specification.z, own.z)
    assert found.self_norm == own.self_norm
    assert found.effective_size == own.effective_size
    assert house.now(row).state is State.EMBEDDING
    assert house.now(row).revision > claimed.revision


def test_what_is_embedded_is_not_claimed_again_before_an_index_has_it(embedder, house):
    house.accepted()
    embedder.embed(embedder.next())
    house.clock.pass_by(10 * LEASE_S)
    assert embedder.next() is None


def test_an_embedding_that_takes_long_keeps_its_lease(house, monkeypatch, until):
    slow = Embedder(house.database, house.blobs, lease_s=0.03)
    row = house.accepted()
    much_later = house.clock() + 1000

    def store(*_):
        house.clock.pass_by(1000)
        until(lambda: house.now(row).lease_until > much_later)

    monkeypatch.setattr(slow, "_store", store)
    slow.embed(slow.next())


def test_a_learnware_without_a_specification_is_stored_as_such(embedder, catalogue, house):
    semantic = table_semantic()
    semantic["Data"]["Values"] = ["Text"]
    row = house.accepted(
        specification={"language": ["en"]}, specification_class="RKMETextSpecification", semantic=semantic
    )
    assert embedder.embed(embedder.next())
    assert stored(house, row).payload == b""
    with pytest.raises(NotFound) as none:
        catalogue.get(row.learnware_id, 0)
    assert none.value.reason == "SPECIFICATION_NOT_FOUND"


def test_a_late_embedding_is_ignored(embedder, house):
    row = house.accepted()
    first = embedder.next()
    house.clock.pass_by(LEASE_S + 1)
    second = embedder.next()
    assert second.attempt > first.attempt
    assert not embedder.embed(first)
    assert stored(house, row) is None
    assert embedder.embed(second)
    assert stored(house, row) is not None


def test_a_learnware_deleted_under_its_embedding_stays_deleted(embedder, house):
    row = house.accepted()
    claimed = embedder.next()
    house.delete(row)
    assert not embedder.embed(claimed)
    assert stored(house, row) is None
    assert house.now(row).state is State.DELETED


def test_an_embedding_cut_before_it_was_stored_is_made_again(embedder, house, monkeypatch):
    row = house.accepted()
    monkeypatch.setenv("DOCK_FAILPOINTS", "specification.before_store=error")
    with pytest.raises(Unavailable):
        embedder.embed(embedder.next())
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert stored(house, row) is None
    assert embedder.next() is None
    house.clock.pass_by(LEASE_S + 1)
    assert embedder.embed(embedder.next())


def test_after_five_tries_it_is_the_docks_failure(embedder, house):
    row = house.accepted()
    house.blobs.delete(row.blob_key)
    for _ in range(5):
        with pytest.raises(DockError):
            embedder.embed(embedder.next())
        house.clock.pass_by(LEASE_S + 1)
    assert embedder.next() is None
    assert house.now(row).state is State.FAILED_INTERNAL


def test_one_that_fails_does_not_hold_up_the_others(embedder, house, until):
    broken, fine = house.accepted(), house.accepted(owner="bob")
    house.blobs.delete(broken.blob_key)
    queue = EmbeddingQueue(embedder, poll_s=0.05)
    queue.start()
    until(lambda: stored(house, fine) is not None)
    queue.stop()
    assert house.now(broken).state is State.EMBEDDING


def test_an_accepted_learnwares_event_wakes_it(house, until):
    bus = InProcessBus()
    relay = Relay(house.database, bus, poll_s=0.05)
    settings = SpecificationSettings(poll_s=600.0)
    target = make_specification(house.database, house.blobs, bus, settings, tenant="default")
    target.start()
    relay.start()
    row = house.accepted()
    until(lambda: stored(house, row) is not None)
    target.stop()
    relay.stop()
    bus.close()


def test_islands_are_of_indexed_learnwares_and_their_own_scale(catalogue, house):
    house.indexed(specification=table_specification(seed=1))
    house.indexed(specification=table_specification(centre=50.0, seed=2))
    wide = house.indexed(specification=table_specification(4), semantic=table_semantic(4), kwargs={"width": 4})
    house.embedded()
    gone = house.indexed()
    house.delete(gone)
    found = {view.island: view for view in catalogue.islands()}
    narrow = Island("Table", "Classification", 2, 2)
    assert {island: view.learnwares for island, view in found.items()} == {
        narrow: 2,
        Island("Table", "Classification", 4, 2): 1,
    }
    assert found[narrow].scale.shape == (2,)
    assert (found[narrow].scale > 5.0).all()
    house.delete(wide)
    assert len(catalogue.islands()) == 1


def test_one_damaged_specification_is_left_out_of_its_island(catalogue, house):
    broken, fine = house.indexed(), house.indexed(specification=table_specification(seed=1))
    with house.database.transaction() as session:
        Specifications().store(
            session, broken.learnware_id, broken.version, type="", payload=b"no", self_norm=0.0, effective_size=0.0
        )
    (view,) = catalogue.islands()
    assert view.learnwares == 1
    assert catalogue.get(fine.learnware_id, 0)[1].dimension == view.island.input_dimension


def test_specifications_and_islands_cross_grpc_unchanged(embedder, catalogue, house):
    row = house.indexed()
    service = (
        "dockapi.specification.v1.SpecificationService",
        rpc.add_SpecificationServiceServicer_to_server,
        SpecificationServicer(catalogue),
    )
    with build_server([service], address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        stub = rpc.SpecificationServiceStub(opened)
        answer = stub.GetSpecification(pb.GetSpecificationRequest(learnware_id=row.learnware_id))
        (island,) = stub.ListIslands(pb.ListIslandsRequest()).islands
        with pytest.raises(NotFound):
            stub.GetSpecification(pb.GetSpecificationRequest(learnware_id="00009999"))
        opened.close()
    _, specification = catalogue.get(row.learnware_id, 0)
    crossed = rkme_to_specification(answer.rkme)
    np.testing.assert_array_equal(crossed.z, specification.z)
    np.testing.assert_array_equal(crossed.beta, specification.beta)
    assert answer.self_norm == pytest.approx(specification.self_norm)
    assert (island.input_dimension, island.learnwares) == (2, 1)
    np.testing.assert_array_equal(tensor_to_array(island.scale), catalogue.islands()[0].scale)
