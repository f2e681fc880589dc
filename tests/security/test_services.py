"""Services in processes of their own ask each other for tokens, over TLS, and one gate's word holds at all of them."""

from __future__ import annotations

import threading

import pytest

from dock_db import Database, Tokens
from dock_rpc.bearer import Token
from dock_rpc.peers import Peers
from dock_rpc.recognition import FRESH_S
from dock_rpc.tests.authority import Authority
from dock_server.composition import Dock, compose
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings
from dockapi.learnware.v1 import learnware_pb2
from dockapi.reuse.v1 import reuse_pb2 as reuse
from learndock.errors import Internal, NotFound, Unauthenticated


@pytest.fixture
def url(postgres_server):
    return postgres_server.new_database()


@pytest.fixture
def database(url):
    opened = Database(url)
    opened.create()
    yield opened
    opened.close()


def token(database: Database, owner: str, *scopes: str) -> Token:
    minted = Token.mint()
    with database.transaction() as session:
        Tokens().create(
            session,
            token_id=minted.token_id,
            digest=minted.digest,
            tenant="default",
            owner=owner,
            scopes=scopes,
            lasts_s=3600.0,
        )
    return minted


def test_reuse_speaks_to_the_others_by_a_token_of_its_own(url, database, tmp_path, monkeypatch):
    ours = Authority(tmp_path / "ours", "ours")
    here = ours.issue("here", "127.0.0.1")
    monkeypatch.setenv("DOCK_TLS_CA", str(ours.ca))
    own = token(database, "dock", "service")
    file = tmp_path / "service.token"
    file.write_text(f"{own.secret}\n")

    def start(*targets: str) -> Dock:
        (tmp_path / targets[0]).mkdir()
        settings = DockSettings(
            data=tmp_path / targets[0],
            port=0,
            db_url=url,
            blob_url=f"file://{tmp_path}/blobs",
            auth="tokens",
            tls_cert=here.cert,
            tls_key=here.key,
            service_token_file=file,
            unsafe_local=True,
        )
        dock = compose(DockFolder(settings.data), settings, targets)
        assert dock.start(threading.Event())
        return dock

    (tmp_path / "blobs").mkdir()
    first = start("ingestion", "specification")
    address = f"https://127.0.0.1:{first.server.port}"
    for name in ("INGESTION", "SPECIFICATION"):
        monkeypatch.setenv(f"DOCK_PEERS_{name}", address)
    second = start("reuse")
    ann = token(database, "ann", "predict")
    inputs = learnware_pb2.Tensor(dtype="f8", shape=[1, 1], data=bytes(8))
    request = reuse.PredictRequest(members=[reuse.Member(learnware_id="00000001")], inputs=inputs)
    try:
        with Peers.connect(f"https://127.0.0.1:{second.server.port}", token=lambda: ann.secret) as peers:
            with pytest.raises(NotFound) as unknown:
                peers.reuse.Predict(request)
            assert unknown.value.reason == "LEARNWARE_NOT_FOUND", "ingestion answered reuse"
            file.write_text(f"{token(database, 'dock', 'service').secret}\n")
            with database.transaction() as session:
                Tokens().revoke(session, own.token_id)
            threading.Event().wait(FRESH_S)
            with pytest.raises(NotFound):
                peers.reuse.Predict(request)
            good = file.read_text()
            file.write_text(Token.mint().secret)
            with pytest.raises(Internal):  # a fault of the dock's, not of ann's
                peers.reuse.Predict(request)
            file.write_text(good)
            with database.transaction() as session:
                Tokens().revoke(session, ann.token_id)
            threading.Event().wait(FRESH_S)
            with pytest.raises(Unauthenticated):
                peers.reuse.Predict(request)
    finally:
        second.stop(1.0)
        first.stop(1.0)
