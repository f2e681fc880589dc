"""The database of a dock that asks for tokens stops: who was known searches on, nobody changes anything or gets in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dock_db import Database, Tokens
from dock_rpc.bearer import Token
from dock_rpc.peers import Peers
from dock_rpc.recognition import ASK_AGAIN_S, FRESH_S
from dock_server.composition import Dock, compose
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings
from dockapi.ingestion.v1 import ingestion_pb2 as ingestion
from dockapi.search.v1 import search_pb2 as search
from learndock.errors import DockError, Unauthenticated, Unavailable
from tests.security.conftest import Guarded, semantic_json_of


@pytest.fixture
def away(own_postgres, tmp_path) -> Iterator[tuple[Guarded, Dock]]:
    """A dock of ingestion and search, and the operator's hand in its database."""
    url = own_postgres.new_database()
    database = Database(url)
    database.create()
    (tmp_path / "blobs").mkdir()
    settings = DockSettings(
        data=tmp_path / "data", port=0, db_url=url, blob_url=f"file://{tmp_path}/blobs", auth="tokens"
    )
    settings.data.mkdir()
    dock = compose(DockFolder(settings.data), settings, ["ingestion", "search"])
    assert dock.start(threading.Event())
    yield Guarded(f"127.0.0.1:{dock.server.port}", database, semantic_json_of(tmp_path)), dock
    database.close()
    dock.stop(1.0)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that other threads do."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


class Caller:
    """Somebody with a token."""

    def __init__(self, address: str, token: Token) -> None:
        self.token = token
        self._address = address

    def search(self) -> search.SearchResponse:
        with Peers.connect(self._address, token=lambda: self.token.secret) as peers:
            return peers.search.Search(search.SearchRequest(), timeout=60)

    def delete(self, learnware_id: str) -> None:
        with Peers.connect(self._address, token=lambda: self.token.secret) as peers:
            peers.ingestion.DeleteLearnware(ingestion.DeleteLearnwareRequest(learnware_id=learnware_id), timeout=60)

    def refused(self) -> str:
        with pytest.raises((Unauthenticated, Unavailable)) as caught:
            self.search()
        error = caught.value
        assert isinstance(error, DockError)
        return error.reason


def test_who_was_known_searches_on_and_nobody_else_gets_in_or_changes_anything(away, own_postgres):
    guarded, _ = away
    ann = Caller(guarded.address, guarded.token("ann", "search", "delete"))
    eve = Caller(guarded.address, guarded.token("eve", "search"))
    late = Caller(guarded.address, guarded.token("late", "search"))
    brief = Caller(guarded.address, guarded.token("brief", "search", lasts_s=FRESH_S + 4))
    row = guarded.learnware("ann", published=True)
    until(lambda: [hit.learnware.learnware_id for hit in ann.search().hits] == [row.learnware_id])
    assert not eve.search().stale
    assert not brief.search().stale

    own_postgres.stop()
    threading.Event().wait(FRESH_S + 0.1)  # or they would be believed because they were just looked up
    for each in (ann, eve):
        answer = each.search()
        assert answer.stale
        assert [hit.learnware.learnware_id for hit in answer.hits] == [row.learnware_id]
    with pytest.raises(Unavailable) as caught:
        ann.delete(row.learnware_id)
    assert caught.value.reason == "DATABASE_DOWN"
    assert late.refused() == "DATABASE_DOWN", "a good token, and never seen here"
    assert Caller(guarded.address, Token.mint()).refused() == "DATABASE_DOWN"
    until(lambda: _outcome(brief) == "TOKEN_EXPIRED")

    own_postgres.start()
    until(lambda: _revoked(guarded, eve.token))
    threading.Event().wait(FRESH_S + ASK_AGAIN_S)
    assert eve.refused() == "TOKEN_REVOKED"
    assert not ann.search().stale
    assert [hit.learnware.learnware_id for hit in late.search().hits] == [row.learnware_id]
    ann.delete(row.learnware_id)


def _outcome(caller: Caller) -> str:
    try:
        caller.search()
    except DockError as error:
        return error.reason
    return "in"


def _revoked(guarded: Guarded, token: Token) -> bool:
    try:
        with guarded.database.transaction() as session:
            Tokens().revoke(session, token.token_id)
    except Unavailable:
        return False
    return True
