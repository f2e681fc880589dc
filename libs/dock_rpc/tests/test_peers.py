from __future__ import annotations

import pytest

from dock_rpc.peers import Peers
from dockapi.ingestion.v1 import ingestion_pb2
from dockapi.search.v1 import search_pb2
from learndock.errors import Unavailable

NOBODY, NOBODY_EITHER = "127.0.0.1:1", "127.0.0.1:2"


def hint_of_search(elsewhere):
    with Peers.connect(NOBODY, elsewhere) as peers, pytest.raises(Unavailable) as caught:
        peers.search.GetIndex(search_pb2.GetIndexRequest())
    assert caught.value.reason == "DOCK_UNREACHABLE"
    return caught.value.hint


def test_a_service_that_is_down_is_told_with_the_variable_that_named_its_place(monkeypatch):
    monkeypatch.setenv("DOCK_PEERS_SEARCH", NOBODY_EITHER)
    assert "DOCK_PEERS_SEARCH" in hint_of_search({"search": NOBODY_EITHER})
    monkeypatch.setenv("DOCK_PEERS_REUSE", NOBODY_EITHER)
    hint = hint_of_search({"search": NOBODY_EITHER, "reuse": NOBODY_EITHER})
    assert "DOCK_PEERS_SEARCH and DOCK_PEERS_REUSE" in hint


def test_one_whose_place_no_variable_named_is_told_without(monkeypatch):
    assert "DOCK_URL" in hint_of_search({"search": NOBODY_EITHER})
    monkeypatch.setenv("DOCK_PEERS_SEARCH", NOBODY_EITHER)
    with Peers.connect(NOBODY, {"search": NOBODY_EITHER}) as peers, pytest.raises(Unavailable) as caught:
        peers.ingestion.GetPrincipal(ingestion_pb2.GetPrincipalRequest())
    assert "DOCK_URL" in caught.value.hint
