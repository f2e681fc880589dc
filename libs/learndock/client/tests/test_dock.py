"""What a client asks and understands."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dockapi.search.v1 import search_pb2
from learndock.client import CheckStep, Dock, DockWarning, FoundLearnware, FoundVerdict, LearnwareRecord, Verdict
from learndock.client.loading import Opened, open_members
from learndock.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    Unavailable,
)
from learndock.specification import specify

X = np.random.default_rng(0).normal(size=(50, 3))


@pytest.fixture
def three(house):
    return [house.ingestion.add(f"lw-{i}", name=f"model {i}", owner="ada") for i in range(3)]


def test_lists_come_whole_over_pages(house, dock):
    for i in range(5):
        house.ingestion.add(f"lw-{i}", owner="ada" if i % 2 else "bob")
    assert [each.learnware_id for each in dock.list()] == [f"lw-{i}" for i in range(5)]
    assert [each.learnware_id for each in dock.list(owner="ada")] == ["lw-1", "lw-3"]
    dock.delete("lw-2")
    assert [each.learnware_id for each in dock.list(states=["deleted"])] == ["lw-2"]
    with pytest.raises(InvalidInput) as caught:
        dock.list(states=["asleep"])
    assert "INDEXED" in caught.value.hint


def test_a_check_is_watched_from_the_queue_to_the_verdict(dock):
    place, first, second, verdict = dock.watch("lw-0")
    assert (place.name, place.detail) == ("queue", "place 2")
    assert (first.name, first.status, first.seconds) == ("environment", "passed", 1.5)
    assert second.status == "unknown_99"
    assert isinstance(first, CheckStep)
    assert isinstance(verdict, Verdict)
    assert not verdict.accepted
    assert dock.verdict("lw-0") == verdict


def test_a_watch_over_a_cut_shows_each_step_once(house, dock):
    house.checking.cuts = 2
    seen = [event.name for event in dock.watch("lw-0") if isinstance(event, CheckStep) and event.name != "queue"]
    assert seen == ["environment", "predict"]


def test_a_watch_waits_for_its_place(house):
    house.checking.busy = 10
    with Dock(house.address, patience_s=0.05) as dock:
        seen = [event.name for event in dock.watch("lw-0") if isinstance(event, CheckStep)]
    assert seen == ["queue", "environment", "predict"]
    assert house.checking.busy == 0


@pytest.mark.parametrize("ask", [lambda dock: dock.wait("lw-0"), lambda dock: list(dock.watch("lw-0"))])
def test_a_dock_that_is_down_is_not_waited_for(ask):
    with Dock("127.0.0.1:1", patience_s=86_400.0) as dock, pytest.raises(Unavailable):
        ask(dock)


NOWHERE = "127.0.0.1:1"


def test_services_are_found_where_they_are_named(house, three):
    everywhere = dict.fromkeys(("ingestion", "search"), house.address)
    with Dock(NOWHERE, peers=everywhere, patience_s=0.0) as dock:
        assert len(list(dock.list())) == 3
        with pytest.raises(Unavailable) as down:
            dock.verdict("lw-0")
    assert NOWHERE in down.value.message


@pytest.mark.parametrize(("address", "reached"), [("", True), (NOWHERE, True), ("127.0.0.1:2", False)])
def test_variables_name_the_services_of_the_dock_that_is_meant(house, three, monkeypatch, address, reached):
    monkeypatch.setenv("DOCK_URL", NOWHERE)
    monkeypatch.setenv("DOCK_PEERS_INGESTION", house.address)
    with Dock(address, patience_s=0.0) as dock:
        if reached:
            assert len(list(dock.list())) == 3
        else:
            with pytest.raises(Unavailable) as down:
                list(dock.list())
            assert address in down.value.message


@pytest.mark.parametrize("form", ["{nowhere},{here}", "ipv4:{nowhere},{here}"])
def test_of_several_replicas_those_answer_that_are_there(house, three, form):
    with Dock(form.format(nowhere=NOWHERE, here=house.address)) as dock:
        assert all(len(list(dock.list())) == 3 for _ in range(4))


def test_waiting_ends_with_the_state_even_over_a_cut(house, dock, three):
    house.ingestion.faults.cut_watches = 2
    assert dock.wait("lw-1", timeout=60).state == "INDEXED"


def test_waiting_needs_no_place_among_the_watchers(house, three):
    house.ingestion.faults.busy_watches = 10**6
    with Dock(house.address, patience_s=0.05) as dock:
        assert dock.wait("lw-1", timeout=60).state == "INDEXED"
        house.ingestion.add("lw-9", state=2)
        with pytest.raises(DeadlineExceeded) as caught:
            dock.wait("lw-9", timeout=0.5)
    assert caught.value.details["state"] == "CHECKING"


def test_waiting_ends_with_the_time(house, dock):
    house.ingestion.add("lw-0", state=2)
    with pytest.raises(DeadlineExceeded) as caught:
        dock.wait("lw-0", timeout=0.5)
    assert caught.value.reason == "WAIT_TIMEOUT"
    assert caught.value.details["state"] == "CHECKING"


def test_a_search_asks_what_was_said(house, dock, three):
    specification = specify(X)
    found = dock.search(
        specification, task_type="Classification", output_dimension=2, tags=["Business"], text="iris", limit=7
    )
    asked = house.search.asked
    query = json.loads(asked.semantic_query_json)
    assert query["Task"]["Values"] == ["Classification"]
    assert query["Data"]["Values"] == []
    assert query["Scenario"]["Values"] == ["Business"]
    assert query["Output"]["Dimension"] == 2
    assert (asked.text, asked.limit, asked.mixture_size) == ("iris", 7, 5)
    assert asked.rkme.z.shape == list(specification.z.shape)
    assert [hit.record.learnware_id for hit in found.hits] == ["lw-0", "lw-1", "lw-2"]
    assert [member.weight for member in found.mixture.members] == [0.5, 0.3, 0.2]


def test_a_search_by_words_alone_and_without_a_mixture(house, dock, three):
    found = dock.search(text="iris", mixture="none")
    assert not house.search.asked.HasField("rkme")
    assert found.mixture is None
    with pytest.raises(InvalidInput):
        dock.search(mixture="stew")


def test_data_are_specified_here_and_stay_here(house, dock, three):
    dock.search(X)
    sent = house.search.asked.SerializeToString()
    assert house.search.asked.rkme.num_points == len(X)
    assert not any(row.tobytes() in sent for row in X)


def test_what_contributors_wrote_is_escaped(house, dock):
    house.ingestion.add("lw-0", name="<script>alert(1)</script>", owner="a\x1b[2J\nb")
    house.ingestion.add("lw-1", name="plain")
    found = dock.search()
    html = found._repr_html_() + found.hits[0].record._repr_html_() + dock.verdict("lw-0")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "\x1b" not in html + repr(found) + repr(found.hits[0].record) + repr(dock.verdict("lw-0"))
    assert "read <this>" in repr(found)
    assert "2 found of 2 compared" in repr(found)


def test_a_task_has_a_verdict_and_words_have_none(house, dock, three):
    house.search.fit = search_pb2.FIT_NOT
    found = dock.search(X)
    assert found.verdict == FoundVerdict("nothing fits", "Too far <off>.", 1.5, 4)
    assert found.nothing_fits
    assert [hit.fits for hit in found.hits] == ["fits", "does not fit", "does not fit"]
    assert "nothing fits: Too far <off>." in repr(found)
    assert "does not fit" in repr(found)
    assert "Too far &lt;off&gt;." in found._repr_html_()
    assert dock.search().verdict is None


def test_the_dock_predicts_with_everything_that_names_a_learnware(house, dock, three):
    found = dock.search(X)
    wanted = X.sum(1)
    np.testing.assert_allclose(dock.predict("lw-2", X), wanted + 2)
    np.testing.assert_allclose(dock.predict(["lw-0", "lw-2"], X), wanted + 1)
    np.testing.assert_allclose(dock.predict(found.hits[1], X), wanted + 1)
    np.testing.assert_allclose(dock.predict(found.hits[1].record, X), wanted + 1)
    assert len(dock.predict(found.mixture, X, method="raw")) == 3
    sent = house.reuse.calls[-1].members
    assert [(each.learnware_id, each.version, each.weight) for each in sent] == [
        ("lw-0", 1, 0.5),
        ("lw-1", 1, 0.3),
        ("lw-2", 1, 0.2),
    ]
    with pytest.raises(InvalidInput):
        dock.predict("lw-0", X, method="guess")
    with pytest.raises(InvalidInput):
        dock.predict([7], X)


def test_many_rows_go_in_blocks_and_come_back_in_order(house, dock, three):
    rows = np.random.default_rng(1).normal(size=(45_000, 2))
    np.testing.assert_allclose(dock.predict("lw-1", rows), rows.sum(1) + 1)
    assert len(house.reuse.calls) == 3


def test_what_the_dock_notes_is_warned_of(house, dock, three):
    house.reuse.notes = ["one member failed"]
    with pytest.warns(DockWarning, match="one member failed"):
        dock.predict("lw-0", X)


def test_where_nothing_fits_only_what_is_named_is_used(house, dock, three):
    house.search.fit = search_pb2.FIT_NOT
    found = dock.search(X)
    for use in (found.load, found.reuser):
        with pytest.raises(FailedPrecondition) as refused:
            use()
        assert refused.value.reason == "NOTHING_FITS"
        assert "Too far <off>." in refused.value.message
    with found.load("single", where="dock") as members:
        assert [member.key for member in members] == ["lw-0:1"]


def test_members_in_the_dock_predict(house, dock, three):
    found = dock.search(X)
    with found.load(where="dock") as members:
        assert [member.weight for member in members] == pytest.approx([0.5, 0.3, 0.2])
        assert members[2].key == "lw-2:1"
        np.testing.assert_allclose(members[2].model.predict(X), X.sum(1) + 2)
    with found.load("single", where="dock") as members:
        assert [member.key for member in members] == ["lw-0:1"]
    with found.load(["lw-2", found.hits[1]], where="dock") as members:
        assert [member.key for member in members] == ["lw-2:1", "lw-1:1"]
    with dock.load(["lw-1"], where="dock") as members:
        np.testing.assert_allclose(members[0].model.predict(X), X.sum(1) + 1)


def test_a_member_that_is_gone_is_left_out_and_said(house, dock, three):
    found = dock.search(X)
    dock.delete("lw-0")
    with pytest.warns(DockWarning, match="lw-0 was left out"):
        members = found.load(where="dock")
    assert [member.weight for member in members] == pytest.approx([0.6, 0.4])
    assert any("lw-0" in note for note in found.notes)


def test_loading_what_is_not_there(house, dock, three):
    found = dock.search(X)
    for which, error in (("all", InvalidInput), (["lw-9"], NotFound), ([3], InvalidInput)):
        with pytest.raises(error):
            found.load(which, where="dock")
    with pytest.raises(InvalidInput):
        found.load(where="moon")
    house.ingestion.learnwares.clear()
    with pytest.raises(NotFound) as caught:
        dock.search(X).load()
    assert caught.value.reason == "NOTHING_FOUND"


class Sum:
    def predict(self, rows):
        return rows.sum(1)


def records(*names: str):
    return [(LearnwareRecord(name, 1), 0.25) for name in names]


def test_open_models_are_closed_once_and_also_when_another_one_breaks():
    closed = []

    def opener(record):
        if record.learnware_id == "bug":
            raise ZeroDivisionError
        return Opened(Sum(), None, lambda: closed.append(record.learnware_id))

    with open_members(records("a", "b"), opener) as members:
        assert [member.weight for member in members] == [0.5, 0.5]
        assert closed == []
    members.close()
    assert sorted(closed) == ["a", "b"]
    closed.clear()
    with pytest.raises(ZeroDivisionError):
        open_members(records("a", "bug", "b"), opener)
    assert sorted(closed) == ["a", "b"]


def test_when_none_opens_the_reasons_are_told():
    def opener(record):
        reason = "SANDBOX_MISSING" if record.learnware_id < "c" else "MODEL_RAISED"
        raise Unavailable(f"{record.learnware_id} does not open.", reason=reason)

    with pytest.raises(FailedPrecondition) as caught:
        open_members(records("a", "c"), opener)
    assert caught.value.reason == "NO_MEMBER_OPENED"
    assert caught.value.details == {"a": "SANDBOX_MISSING", "c": "MODEL_RAISED"}
    for names in (["a"], ["a", "b"]):
        with pytest.raises(Unavailable) as caught:
            open_members(records(*names), opener)
        assert caught.value.reason == "SANDBOX_MISSING"


@pytest.mark.parametrize("address", ["localhost", "ftp://dock:50051", "dock:port", ":"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(InvalidInput) as caught:
        Dock(address)
    assert caught.value.reason == "ADDRESS_INVALID"


def test_address_and_owner_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DOCK_URL", "dock.example:5")
    monkeypatch.setenv("DOCK_OWNER", "grace")
    with Dock() as dock:
        assert repr(dock) == "<Dock at dock.example:5 as grace>"
    monkeypatch.delenv("DOCK_OWNER")
    monkeypatch.setenv("LOGNAME", "DOMAIN\\grace hopper")
    with Dock() as dock:
        assert dock.owner == "DOMAIN-grace-hopper"


def test_records_and_hits_are_values(three):
    left, right = (LearnwareRecord.from_message(three[0]) for _ in range(2))
    assert left == right
    assert repr(left) == "<Learnware lw-0 v1 'model 0' INDEXED>"
    assert FoundLearnware(left, 1.0, 0.0) == FoundLearnware(right, 1.0, 0.0)
