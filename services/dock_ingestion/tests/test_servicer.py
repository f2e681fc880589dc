from __future__ import annotations

import zlib

import pytest

from dock_db import State
from dock_ingestion.wiring import make_ingestion
from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.ingestion.v1 import ingestion_pb2_grpc as rpc
from dockapi.learnware.v1 import learnware_pb2
from learndock.errors import InvalidInput, NotFound, Overloaded, PermissionDenied


@pytest.fixture
def stub(open_office, house):
    settings = open_office(max_waiting_per_owner=3, watch_poll_s=0.05).settings
    ingestion = make_ingestion(house.database, house.blobs, settings, tenant="default")
    ingestion.start()
    service = ("dockapi.ingestion.v1.IngestionService", rpc.add_IngestionServiceServicer_to_server, ingestion.servicer)
    with build_server([service], address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        yield rpc.IngestionServiceStub(opened)
        opened.close()
    ingestion.stop()


def begin(stub, declaration):
    return stub.BeginUpload(
        pb.BeginUploadRequest(
            upload_id=declaration.upload_id,
            size_bytes=declaration.size_bytes,
            sha256=declaration.sha256,
            owner=declaration.owner,
            learnware_id=declaration.learnware_id,
        )
    )


def chunks(declaration, data, offset=0, size=64):
    for start in range(offset, len(data), size):
        piece = data[start : start + size]
        yield pb.WriteUploadRequest(upload_id=declaration.upload_id, offset=start, data=piece, crc32=zlib.crc32(piece))


def push(stub, office, package, **changes):
    declaration = office.declaration(package, **changes)
    begin(stub, declaration)
    stub.WriteUpload(chunks(declaration, package.read_bytes()))
    return stub.CommitUpload(pb.CommitUploadRequest(upload_id=declaration.upload_id))


def test_a_stream_that_breaks_off_keeps_what_it_brought(stub, office, house):
    package = house.package()
    data = package.read_bytes()
    declaration = office.declaration(package)
    assert begin(stub, declaration).max_chunk_bytes == 1 << 20

    def broken():
        yield from list(chunks(declaration, data))[:3]
        yield pb.WriteUploadRequest(upload_id=declaration.upload_id, offset=192, data=b"damaged", crc32=1)

    with pytest.raises(InvalidInput) as damaged:
        stub.WriteUpload(broken())
    assert damaged.value.reason == "UPLOAD_CHUNK_DAMAGED"
    query = stub.QueryUpload(pb.QueryUploadRequest(upload_id=declaration.upload_id))
    assert (query.persisted_bytes, query.size_bytes, query.committed) == (192, len(data), False)
    assert stub.WriteUpload(chunks(declaration, data, 192)).persisted_bytes == len(data)
    committed = stub.CommitUpload(pb.CommitUploadRequest(upload_id=declaration.upload_id))
    assert not committed.already_present
    assert committed.learnware.state == learnware_pb2.STATE_RECEIVED
    again = stub.CommitUpload(pb.CommitUploadRequest(upload_id=declaration.upload_id))
    assert again.already_present
    assert again.learnware == committed.learnware
    query = stub.QueryUpload(pb.QueryUploadRequest(upload_id=declaration.upload_id))
    assert query.committed
    assert query.learnware == committed.learnware
    assert begin(stub, declaration).committed


def test_an_empty_stream_is_refused(stub):
    with pytest.raises(InvalidInput) as empty:
        stub.WriteUpload(iter(()))
    assert empty.value.reason == "UPLOAD_EMPTY"


def test_errors_cross_with_their_reason_and_the_time_to_wait(stub, office, house):
    row = house.received()
    with pytest.raises(PermissionDenied) as refused:
        begin(stub, office.declaration(house.package(), owner="bob", learnware_id=row.learnware_id))
    assert refused.value.reason == "LEARNWARE_NOT_YOURS"
    house.received()
    house.received()
    with pytest.raises(Overloaded) as full:
        begin(stub, office.declaration(house.package()))
    assert (full.value.reason, full.value.retry_after_s) == ("OWNER_BACKLOG_FULL", 5.0)


def test_a_package_comes_back_after_its_size_and_digest(stub, office, house):
    package = house.package()
    learnware = push(stub, office, package).learnware
    request = pb.DownloadPackageRequest(learnware_id=learnware.learnware_id, offset=10)
    head, *parts = stub.DownloadPackage(request)
    assert (head.size_bytes, head.sha256) == (package.stat().st_size, learnware.content_sha256)
    assert b"".join(part.data for part in parts) == package.read_bytes()[10:]
    with pytest.raises(NotFound):
        list(stub.DownloadPackage(pb.DownloadPackageRequest(learnware_id="00009999")))


def test_it_lists_by_state_and_refuses_states_it_does_not_know(stub, house):
    row = house.accepted()
    house.received()
    found = stub.ListLearnwares(pb.ListLearnwaresRequest(states=[learnware_pb2.STATE_ACCEPTED], page_size=1))
    assert [each.learnware_id for each in found.learnwares] == [row.learnware_id]
    assert stub.ListLearnwares(pb.ListLearnwaresRequest(page_size=1)).next_page_token
    for number in (0, 77):
        with pytest.raises(InvalidInput) as unknown:
            stub.ListLearnwares(pb.ListLearnwaresRequest(states=[number]))
        assert unknown.value.reason == "STATE_UNKNOWN"


def test_deleting_ends_a_watch(stub, house):
    row = house.received()
    watch = stub.WatchLearnware(pb.WatchLearnwareRequest(learnware_id=row.learnware_id))
    assert next(watch).learnware.state == learnware_pb2.STATE_RECEIVED
    deleted = stub.DeleteLearnware(pb.DeleteLearnwareRequest(learnware_id=row.learnware_id))
    assert deleted.deleted_versions == 1
    assert [each.learnware.state for each in watch] == [learnware_pb2.STATE_DELETED]
    assert house.now(row).state is State.DELETED
    with pytest.raises(NotFound):
        stub.GetLearnware(pb.GetLearnwareRequest(learnware_id=row.learnware_id))
