"""Ways around the gate that were thought of: each ends where it should."""

from __future__ import annotations

import hashlib
import logging
import time
import zlib

import pytest

from dock_db import Learnwares
from dock_rpc.logs import JsonFormatter, LineFormatter
from dock_rpc.peers import Peers
from dock_rpc.recognition import FRESH_S
from dockapi.checking.v1 import checking_pb2 as checking
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.reuse.v1 import reuse_pb2 as reuse
from dockapi.search.v1 import search_pb2 as search
from dockapi.specification.v1 import specification_pb2 as specification
from learndock.errors import DockError, InvalidInput, NotFound, PermissionDenied, Unauthenticated
from tests.security.conftest import USERS

DATA = b"not a package"


@pytest.fixture
def speak(guarded):
    """Stubs of the dock for somebody with all the rights of a user."""
    opened = []

    def peers(owner: str, *scopes: str) -> Peers:
        secret = guarded.token(owner, *(scopes or USERS)).secret
        opened.append(Peers.connect(guarded.address, token=lambda: secret))
        return opened[-1]

    yield peers
    for each in opened:
        each.close()


def begin(peers: Peers, upload_id: str, owner: str = "") -> pb.BeginUploadResponse:
    digest = hashlib.sha256(DATA).hexdigest()
    request = pb.BeginUploadRequest(upload_id=upload_id, size_bytes=len(DATA), sha256=digest, owner=owner)
    return peers.ingestion.BeginUpload(request)


def chunk(upload_id: str, data: bytes = DATA) -> pb.WriteUploadRequest:
    return pb.WriteUploadRequest(upload_id=upload_id, data=data, crc32=zlib.crc32(data))


def test_the_owner_of_an_upload_is_the_tokens_whatever_is_declared(speak):
    ann, bob = speak("ann"), speak("bob")
    begin(ann, "declared-1")
    begin(ann, "declared-2", "ann")
    with pytest.raises(PermissionDenied) as caught:
        begin(bob, "declared-3", "ann")
    assert caught.value.reason == "OWNER_NOT_YOU"
    begin(speak("root", "admin"), "declared-4", "ann")


def test_nobody_takes_the_id_that_anothers_push_will_have(speak):
    ann, bob = speak("ann"), speak("bob")
    begin(bob, "wanted-by-ann")
    begin(ann, "wanted-by-ann")
    ann.ingestion.WriteUpload(iter([chunk("wanted-by-ann")]))
    answer = bob.ingestion.QueryUpload(pb.QueryUploadRequest(upload_id="wanted-by-ann"))
    assert answer.persisted_bytes == 0, "bob's upload is bob's"


def test_anothers_upload_is_neither_seen_nor_written_nor_committed(speak):
    ann, bob = speak("ann"), speak("bob")
    begin(ann, "private-to-ann")
    begin(bob, "private-to-bob")
    ann.ingestion.WriteUpload(iter([chunk("private-to-ann")]))
    for attempt in (
        lambda: bob.ingestion.QueryUpload(pb.QueryUploadRequest(upload_id="private-to-ann")),
        lambda: bob.ingestion.CommitUpload(pb.CommitUploadRequest(upload_id="private-to-ann")),
        lambda: bob.ingestion.WriteUpload(iter([chunk("private-to-ann")])),
        lambda: bob.ingestion.WriteUpload(iter([chunk("private-to-bob"), chunk("private-to-ann")])),
    ):
        with pytest.raises(NotFound) as caught:
            attempt()
        assert caught.value.reason == "UPLOAD_NOT_FOUND"
    with pytest.raises(InvalidInput):  # it is whole, and no package
        ann.ingestion.CommitUpload(pb.CommitUploadRequest(upload_id="private-to-ann"))


def test_the_version_that_was_permitted_is_the_one_that_is_served(guarded, speak):
    first = guarded.learnware("ann", published=True)
    second = guarded.learnware("ann", published=False, learnware_id=first.learnware_id)
    assert second.version == 2
    bob = speak("bob")
    newest = pb.DownloadPackageRequest(learnware_id=first.learnware_id)
    with pytest.raises(NotFound, match=first.content_sha256):  # its package was never stored
        next(bob.ingestion.DownloadPackage(newest))
    newest.version = 2
    with pytest.raises(PermissionDenied) as caught:
        next(bob.ingestion.DownloadPackage(newest))
    assert caught.value.reason == "LEARNWARE_NOT_PUBLISHED"


def test_the_log_of_a_check_is_its_owners_until_it_is_published(guarded, speak):
    row = guarded.learnware("ann", published=False)
    request = checking.WatchCheckRequest(learnware_id=row.learnware_id)
    with pytest.raises(PermissionDenied):
        next(speak("bob").checking.WatchCheck(request))
    assert next(iter(speak("ann").checking.WatchCheck(request)), None) is None


def test_reuse_does_not_fetch_for_others_what_they_may_not_fetch(guarded, speak):
    mine, hers = guarded.learnware("bob", published=True), guarded.learnware("ann", published=False)
    members = [reuse.Member(learnware_id=row.learnware_id) for row in (mine, hers)]
    with pytest.raises(PermissionDenied) as caught:
        speak("bob").reuse.Predict(reuse.PredictRequest(members=members))
    assert caught.value.reason == "LEARNWARE_NOT_PUBLISHED"


def test_a_crowd_of_members_is_not_looked_up_one_by_one(speak):
    members = [reuse.Member(learnware_id=f"{number}") for number in range(10_000)]
    with pytest.raises(InvalidInput) as caught:
        speak("bob").reuse.Predict(reuse.PredictRequest(members=members))
    assert caught.value.reason == "PREDICT_MEMBERS"


def test_a_revoked_token_is_soon_refused_by_every_service(guarded):
    token = guarded.token("ann", *USERS)
    with Peers.connect(guarded.address, token=lambda: token.secret) as peers:
        calls = (
            lambda: peers.ingestion.ListLearnwares(pb.ListLearnwaresRequest()),
            lambda: peers.search.GetIndex(search.GetIndexRequest()),
            lambda: peers.specification.ListIslands(specification.ListIslandsRequest()),
        )
        for call in calls:
            call()
        guarded.revoke(token)
        time.sleep(FRESH_S)
        for call in calls:
            with pytest.raises(Unauthenticated) as caught:
                call()
            assert caught.value.reason == "TOKEN_REVOKED"


def test_who_may_have_predictions_may_not_fetch_what_predicts(guarded, speak):
    row = guarded.learnware("ann", published=True)
    with pytest.raises(PermissionDenied) as caught:
        next(
            speak("bob", "predict").ingestion.DownloadPackage(pb.DownloadPackageRequest(learnware_id=row.learnware_id))
        )
    assert caught.value.reason == "SCOPE_MISSING"


def test_a_learnware_of_another_tenant_in_the_same_database_is_out_of_reach(guarded, speak):
    with guarded.database.transaction() as session:
        row = Learnwares().insert(
            session,
            tenant="other",
            owner="ann",
            name="Theirs",
            content_sha256="f" * 64,
            size_bytes=1,
            blob_key="packages/other/f/theirs",
            semantic_json=guarded.semantic_json,
            specification_type="",
        )
        Learnwares().delete(session, row.learnware_id)  # so that no worker takes it up
    for who in (speak("ann"), speak("root", "admin")):
        with pytest.raises(PermissionDenied) as caught:
            who.ingestion.GetLearnware(pb.GetLearnwareRequest(learnware_id=row.learnware_id, version=1))
        assert caught.value.reason == "TENANT_OTHER"


def test_what_is_denied_and_what_changes_something_is_written_down(guarded, speak, caplog):
    caplog.set_level(logging.INFO, "dock_rpc.audit")
    row = guarded.learnware("ann", published=True)
    request = pb.DeleteLearnwareRequest(learnware_id=row.learnware_id)
    with pytest.raises(PermissionDenied):
        speak("bob").ingestion.DeleteLearnware(request)
    speak("ann").ingestion.DeleteLearnware(request)
    speak("ann").ingestion.GetLearnware(pb.GetLearnwareRequest(learnware_id=row.learnware_id, version=1))
    lines = [vars(record) for record in caplog.records if record.name == "dock_rpc.audit"]
    told = [(line["owner"], line["method"], line["subject"], line["outcome"], line["denied"]) for line in lines]
    assert told == [
        ("bob", "DeleteLearnware", row.learnware_id, "LEARNWARE_NOT_YOURS", True),
        ("ann", "DeleteLearnware", row.learnware_id, "OK", False),
    ]
    assert all(line["token_id"] and line["tenant"] == "default" and line["trace_id"] for line in lines)


def test_no_secret_is_in_the_log_or_in_an_error(guarded, speak, caplog):
    caplog.set_level(logging.DEBUG)
    tokens = [guarded.token("ann", *USERS), guarded.token("bob"), guarded.token("eve", *USERS, lasts_s=-1.0)]
    errors = []
    for token in tokens:
        with Peers.connect(guarded.address, token=lambda secret=token.secret: secret) as peers:
            for attempt in (
                lambda peers=peers: begin(peers, "of-somebody", "mallory"),
                lambda peers=peers, token=token: peers.ingestion.GetLearnware(
                    pb.GetLearnwareRequest(learnware_id=token.secret)
                ),
                lambda peers=peers: peers.ingestion.ListLearnwares(pb.ListLearnwaresRequest(page_token="?")),
            ):
                with pytest.raises(DockError) as caught:
                    attempt()
                errors.append(caught.value)
    logging.getLogger("dock_rpc").warning("a careless line: authorization: Bearer %s", tokens[0].secret)
    written = "\n".join(form.format(record) for form in (LineFormatter(), JsonFormatter()) for record in caplog.records)
    assert tokens[0].token_id in written
    for token in tokens:
        body = token.secret.rpartition("_")[2]
        assert body not in written
        assert body not in repr(token)
        told = [error for error in errors if body in f"{error}{error.details}"]
        # Who sends a token where an id belongs gets the own words back, and nobody else sees them.
        assert all(error.reason == "LEARNWARE_NOT_FOUND" for error in told)
