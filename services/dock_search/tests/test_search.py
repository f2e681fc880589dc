from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import text

from dock_bus.inprocess import InProcessBus
from dock_db import Flags, Relay, State
from dock_rpc.channel import channel
from dock_rpc.convert import specification_to_rkme
from dock_rpc.server import build_server
from dock_search.finder import Finder, Question
from dock_search.follower import Follower, key_of
from dock_search.settings import SearchSettings
from dock_search.wiring import make_search
from dockapi.search.v1 import search_pb2 as pb
from dockapi.search.v1 import search_pb2_grpc as rpc
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable
from learndock.search import Index
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, specify
from tests.packages.models import table_semantic, table_specification

ANYTHING = SemanticSpecification.from_json("{}", query=True)


class Library:
    """An index, who follows the database into it, and who searches it."""

    def __init__(self, house, tenant="default", **settings):
        self.house = house
        self.index = Index()
        self.follower = Follower(house.database, self.index, tenant=tenant, poll_s=0.05)
        self.finder = Finder(self.index, self.follower, SearchSettings(**settings))

    def find(self, centre=0.0, **wanted):
        task = TableSpecification.from_json(table_specification(centre=centre, seed=77))
        return self.ask(task=task, **wanted)

    def ask(self, **wanted):
        question = Question(**{"task": None, "query": ANYTHING, **wanted})
        return self.finder.find(question, timeout_s=0.2, cancelled=lambda: False)

    def keys(self, rows):
        return {key_of(row) for row in rows if key_of(row) in self.index}


@pytest.fixture
def library(house):
    return Library(house)


def at(centre, **parts):
    return {"specification": table_specification(centre=centre, seed=int(centre)), **parts}


def named(name):
    return {"semantic": table_semantic(name=name)}


def test_what_was_embedded_becomes_searchable_and_indexed(library, house):
    row = house.embedded(**at(3.0))
    library.follower.catch_up()
    assert house.now(row).state is State.INDEXED
    ((found, hit),) = library.find(3.0).hits
    assert (found.learnware_id, hit.key) == (row.learnware_id, key_of(row))
    assert library.follower.revision == house.now(row).revision


def test_tenants_of_one_database_find_their_own_alone(library, house):
    mine, theirs = house.embedded(**at(3.0)), house.embedded(tenant="other", **at(3.0))
    announced = house.indexed(tenant="other", **at(4.0))
    library.follower.catch_up()
    assert library.keys([mine, theirs, announced]) == {key_of(mine)}
    assert house.now(theirs).state is State.EMBEDDING, "only the search of their tenant says that they can be found"
    assert library.follower.revision >= house.now(announced).revision, "who waits for a revision waits for no tenant's"
    assert [row.learnware_id for row, _ in library.find(3.0).hits] == [mine.learnware_id]
    others = Library(house, tenant="other")
    others.follower.catch_up()
    assert others.keys([mine, theirs, announced]) == {key_of(theirs), key_of(announced)}
    assert house.now(theirs).state is State.INDEXED
    library.follower.catch_up()
    assert library.keys([mine, theirs, announced]) == {key_of(mine)}


def test_what_is_damaged_of_another_tenant_is_left_to_that_tenants_search(library, house):
    broken = house.embedded(tenant="other", **at(3.0))
    with house.database.transaction() as session:
        session.execute(text("UPDATE specifications SET payload = 'x'"))
    library.follower.catch_up()
    assert house.now(broken).state is State.EMBEDDING


def test_what_nothing_fits_is_told_so(library, house):
    house.embedded(**at(3.0))
    library.follower.catch_up()
    answer = library.find(60.0)
    assert answer.verdict.word == "nothing fits"
    assert [hit.fits for _, hit in answer.hits] == ["does not fit"]
    assert (answer.mixture, answer.members) == (None, [])


def test_only_what_was_embedded_is_searchable(library, house):
    rows = [house.received(), house.claimed(house.received()), house.accepted()]
    rows += [house.claimed(house.accepted(), State.EMBEDDING)]
    library.follower.catch_up()
    assert len(library.index) == 0
    assert [house.now(row).state for row in rows] == [row.state for row in rows]


def test_deleted_learnwares_leave_the_index(library, house):
    kept, gone = house.indexed(**at(0.0)), house.indexed(**at(1.0))
    library.follower.catch_up()
    house.delete(gone)
    library.follower.catch_up()
    assert library.keys([kept, gone]) == {key_of(kept)}


def test_deleted_learnwares_leave_the_answers_before_the_index_knows(library, house):
    kept, gone = house.indexed(**at(0.0)), house.indexed(**at(5.0))
    library.follower.catch_up()
    house.delete(gone)
    answer = library.find(5.0)
    assert [row.learnware_id for row, _ in answer.hits] == [kept.learnware_id]
    assert gone.learnware_id not in [row.learnware_id for row in answer.members]


def test_an_update_takes_the_place_of_the_old_version_only_when_it_is_indexed(library, house):
    first = house.indexed(**at(0.0))
    library.follower.catch_up()
    second = house.embedded(learnware_id=first.learnware_id, **at(1.0))
    assert library.keys([first, second]) == {key_of(first)}
    library.follower.catch_up()
    assert library.keys([first, second]) == {key_of(second)}
    assert house.now(first).state is State.DEPRECATED
    assert house.now(second).state is State.INDEXED


def test_old_and_new_version_embedded_at_once_leave_the_new_one(library, house):
    first = house.embedded(**at(0.0))
    second = house.embedded(learnware_id=first.learnware_id, **at(1.0))
    library.follower.catch_up()
    assert library.keys([first, second]) == {key_of(second)}
    assert (house.now(first).state, house.now(second).state) == (State.DEPRECATED, State.INDEXED)


def test_a_wiped_index_gives_the_same_answers(library, house):
    for centre in (0.0, 2.0, 4.0, 8.0):
        house.embedded(**at(centre))
        library.follower.catch_up()
    house.delete(house.indexed(**at(6.0)))
    library.follower.catch_up()
    again = Library(house)
    again.follower.catch_up()
    assert again.follower.revision == library.follower.revision
    for centre in (0.0, 3.0, 6.0):
        assert again.find(centre) == library.find(centre)


def test_many_changes_come_in_order_over_several_batches(library, house):
    rows = [house.indexed(**at(float(n % 7))) for n in range(8)]
    for row in rows[::2]:
        house.delete(row)
    seen = []
    apply = library.follower._apply
    library.follower._apply = lambda row: (seen.append(row.revision), apply(row))
    library.follower.catch_up()
    assert seen == sorted(seen)
    assert library.keys(rows) == {key_of(row) for row in rows[1::2]}


def test_two_indexes_agree_whoever_announces_first(library, house):
    other = Library(house)
    row = house.embedded()
    threads = [threading.Thread(target=each.follower.catch_up) for each in (library, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library.follower.catch_up()
    other.follower.catch_up()
    assert house.now(row).state is State.INDEXED
    assert library.follower.revision == other.follower.revision
    assert library.keys([row]) == other.keys([row]) == {key_of(row)}


def test_an_announcement_that_was_cut_is_made_again(library, house, monkeypatch):
    row = house.embedded()
    monkeypatch.setenv("DOCK_FAILPOINTS", "search.before_indexed=error")
    with pytest.raises(Unavailable):
        library.follower.catch_up()
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert house.now(row).state is State.EMBEDDING
    library.follower.catch_up()
    assert house.now(row).state is State.INDEXED
    assert len(library.index) == 1


def test_one_damaged_specification_does_not_keep_the_others_out(library, house, caplog):
    broken, fine = house.indexed(), house.embedded(**at(2.0))
    with house.database.transaction() as session:
        session.execute(
            text("update specifications set payload = :p where learnware_id = :i"),
            {"p": b"not json", "i": broken.learnware_id},
        )
    library.follower.catch_up()
    assert house.now(fine).state is State.INDEXED
    assert library.keys([broken, fine]) == {key_of(fine)}
    assert broken.learnware_id in caplog.text


def test_it_follows_by_itself_and_ends(library, house, until):
    early = house.embedded(**at(1.0))
    library.follower.start()
    assert library.keys([early]) == {key_of(early)}
    late = house.embedded(**at(2.0))
    until(lambda: house.now(late).state is State.INDEXED)
    library.follower.stop()


def test_a_failure_while_following_is_survived(library, house, until, monkeypatch, caplog):
    library.follower.start()
    monkeypatch.setenv("DOCK_FAILPOINTS", "search.before_indexed=error@1")
    row = house.embedded()
    until(lambda: house.now(row).state is State.INDEXED)
    library.follower.stop()
    assert "does not follow" in caplog.text


def test_who_has_seen_a_change_can_wait_for_it(library, house):
    library.follower.start()
    row = house.indexed(**at(3.0))
    answer = library.find(3.0, min_revision=row.revision)
    assert answer.revision >= row.revision
    assert [found.learnware_id for found, _ in answer.hits] == [row.learnware_id]
    library.follower.stop()


def test_waiting_for_what_does_not_come_ends_and_says_so(library, house):
    house.indexed()
    with pytest.raises(FailedPrecondition) as behind:
        library.find(min_revision=10_000)
    assert behind.value.reason == "INDEX_BEHIND"


def test_nobody_waits_for_a_caller_who_left(house):
    library = Library(house)
    left = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        question = Question(task=None, query=ANYTHING, min_revision=10_000)
        asked = pool.submit(library.finder.find, question, 3600.0, left.is_set)
        assert not asked.done()
        left.set()
        assert isinstance(asked.exception(timeout=60), FailedPrecondition)


def test_who_waits_does_not_keep_others_from_searching(house):
    library = Library(house, max_waiting=2, max_wait_s=0.5)
    with ThreadPoolExecutor(4) as pool:
        question = Question(task=None, query=ANYTHING, min_revision=10_000)
        asked = [pool.submit(library.finder.find, question, 60.0, lambda: False) for _ in range(4)]
        assert library.find().hits == []
        errors = [future.exception(timeout=60) for future in asked]
    reasons = sorted(error.reason for error in errors)
    assert reasons == ["INDEX_BEHIND", "INDEX_BEHIND", "SEARCHES_WAITING", "SEARCHES_WAITING"]
    assert all(error.retry_after_s for error in errors if error.reason == "SEARCHES_WAITING")


@pytest.mark.parametrize("wanted", [{"limit": -1}, {"limit": 11}, {"mixture_size": 4}, {"mixture_size": -2}])
def test_limits_are_kept(house, wanted):
    library = Library(house, max_limit=10, max_mixture_size=3)
    with pytest.raises(InvalidInput) as outside:
        library.find(**wanted)
    assert outside.value.reason == "SEARCH_LIMIT_OUT_OF_RANGE"


def test_unsaid_limits_are_the_usual_ones(library, house):
    for centre in range(12):
        house.indexed(**at(float(centre)))
    library.follower.catch_up()
    assert len(library.find(limit=0, mixture_size=0).hits) == 10
    assert library.find(limit=0).compared == 12


def test_words_find_without_a_task(library, house):
    house.indexed(**named("wine quality"))
    digits = house.indexed(**named("handwritten digits"))
    library.follower.catch_up()
    answer = library.ask(text="digits")
    assert answer.hits[0][0].learnware_id == digits.learnware_id
    assert answer.mixture is None


def test_a_mixtures_members_stand_in_the_order_of_its_weights(library, house):
    rows = {key_of(row): row for row in (house.indexed(**at(float(c))) for c in (0, 4, 8))}
    library.follower.catch_up()
    answer = library.find(4.0)
    assert [key_of(row) for row in answer.members] == list(answer.mixture.keys)
    assert set(answer.mixture.keys) <= set(rows)
    assert sum(answer.mixture.weights) == pytest.approx(1.0)


def test_over_grpc_it_follows_events_and_answers(house, until):
    bus = InProcessBus()
    relay = Relay(house.database, bus, poll_s=0.05)
    search = make_search(house.database, bus, SearchSettings(poll_s=0.05), tenant="default")
    search.start()
    relay.start()
    row = house.embedded(specification=table_specification(centre=2.0, points=200, seed=2))
    task = TableSpecification.from_json(table_specification(centre=2.0, points=200, seed=5))
    service = ("dockapi.search.v1.SearchService", rpc.add_SearchServiceServicer_to_server, search.servicer)
    with build_server([service], address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        stub = rpc.SearchServiceStub(opened)
        until(lambda: stub.GetIndex(pb.GetIndexRequest()).learnwares == 1)
        until(lambda: house.now(row).state is State.INDEXED)
        revision = house.now(row).revision
        request = pb.SearchRequest(rkme=specification_to_rkme(task), min_revision=revision)
        answer = stub.Search(request)
        by_words = stub.Search(pb.SearchRequest(min_revision=revision))
        with pytest.raises(InvalidInput) as unknown:
            stub.Search(pb.SearchRequest(semantic_query_json='{"Task": {"Type": "Class", "Values": ["Magic"]}}'))
        with pytest.raises(FailedPrecondition) as behind:
            stub.Search(pb.SearchRequest(min_revision=revision + 100), timeout=1.5)
        opened.close()
    search.stop()
    relay.stop()
    bus.close()
    (hit,) = answer.hits
    assert hit.learnware.learnware_id == row.learnware_id
    assert np.isfinite(hit.distance)
    assert hit.peer_rank == 1
    assert (hit.fit, answer.verdict.fit) == (pb.FIT_FITS, pb.FIT_FITS)
    assert 0 <= answer.verdict.ratio <= 0.6
    assert "MMD" in answer.verdict.reason
    assert not by_words.HasField("verdict")
    assert by_words.hits[0].fit == pb.FIT_UNSPECIFIED
    assert answer.revision >= revision
    assert unknown.value.reason == "SEMANTIC_INVALID"
    assert behind.value.reason == "INDEX_BEHIND"


def test_one_that_cannot_be_read_stands_in_nobodys_way(library, house):
    broken, old = house.embedded(**named("broken")), house.indexed(**named("old"))
    with house.database.transaction() as session:
        session.execute(text("UPDATE specifications SET payload = :payload"), {"payload": b"no specification"})
    good = house.embedded(**named("good"))
    library.follower.catch_up()
    assert house.now(broken).state is State.FAILED_INTERNAL
    assert house.now(broken).reason == "SPECIFICATION_INVALID"
    assert house.now(good).state is State.INDEXED
    assert library.keys([broken, old, good]) == {key_of(good)}
    assert library.finder.revision >= house.now(broken).revision


def flags(house, row):
    with house.database.read() as session:
        return [reason for reason, _ in Flags().of(session, row.learnware_id, row.version)]


def test_a_copy_of_anothers_specification_is_flagged_and_the_flag_comes_with_the_hit(library, house):
    original = house.embedded(**at(3.0))
    other = house.embedded(**at(5.0), owner="bob")
    copy = house.embedded(**at(3.0), owner="mallory", semantic=table_semantic(name="all mine"))
    library.follower.catch_up()
    assert (flags(house, original), flags(house, other), flags(house, copy)) == ([], [], ["COPY_OF_ANOTHER"])
    [note] = [each for each in library.find(3.0).notes if copy.learnware_id in each]
    assert "COPY_OF_ANOTHER" in note
    assert original.learnware_id in note


def test_a_new_version_of_ones_own_is_no_copy(library, house):
    first = house.embedded(**at(3.0))
    again = house.embedded(**at(3.0), semantic=table_semantic(name="renamed"))
    library.follower.catch_up()
    assert flags(house, first) == flags(house, again) == []


def test_one_that_would_be_first_for_most_is_flagged(library, house):
    wide = {"semantic": table_semantic(6), "kwargs": {"width": 6}}
    centres = np.random.default_rng(0).normal(size=(10, 6)) * 3
    data = [np.random.default_rng(place).normal(size=(200, 6)) + centre for place, centre in enumerate(centres)]
    honest = [
        house.embedded(specification=specify(X).to_json(), owner=f"owner-{n}", **wide) for n, X in enumerate(data)
    ]
    greedy = house.embedded(specification=specify(np.concatenate(data)).to_json(), owner="mallory", **wide)
    library.follower.catch_up()
    assert flags(house, greedy) == ["FIRST_FOR_MOST"]
    assert [flags(house, row) for row in honest] == [[]] * 10


def test_a_database_that_went_back_is_followed_from_its_beginning(library, house):
    """As after a failover to a standby that was behind: the same ids and revisions stand for something else."""
    kept = house.indexed(**at(0.0))
    with house.database.read() as session:
        revision, following = session.execute(text("SELECT value, next_learnware FROM revision")).one()
    lost, gone = house.indexed(**at(5.0)), house.indexed(**at(9.0))
    library.follower.catch_up()
    assert library.keys([kept, lost, gone]) == {key_of(kept), key_of(lost), key_of(gone)}

    with house.database.transaction() as session:
        for table in ("flags", "specifications", "learnwares"):
            session.execute(text(f"DELETE FROM {table} WHERE learnware_id <> '{kept.learnware_id}'"))
        session.execute(text(f"UPDATE revision SET value = {revision}, next_learnware = {following}"))
    new = house.indexed(**at(40.0))
    assert key_of(new) == key_of(lost)
    library.follower.catch_up()
    assert library.keys([kept, lost, gone]) == {key_of(kept), key_of(new)}
    assert next(hit.fits for row, hit in library.find(40.0).hits if row.learnware_id == new.learnware_id) == "fits"
    assert library.follower.revision == house.now(new).revision
