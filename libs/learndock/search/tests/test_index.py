"""The index: right ranks on unscaled tables, only what may be offered, and searches while learnwares come and go."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DeadlineExceeded, InvalidInput, Unavailable
from learndock.search import Index, Island, PairwiseSearcher, island_of, island_scale, mmd
from learndock.search.null import Null, Nulls
from learndock.search.query import PEER_BLIND
from learndock.search.shelf import Entry, Shelf
from learndock.search.tests.islands import WIDTH, World, domain_of, semantic
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

ANY = SemanticSpecification()


def specification(seed, points=8, width=3, gamma=0.1, shift=0.0, spread=1.0):
    rng = np.random.default_rng(seed)
    return TableSpecification(
        shift + spread * rng.normal(size=(points, width)), np.full(points, 1 / points), gamma, 10 * points
    )


def shares_of_right_firsts(world, index):
    """How often the first hit is of the task's domain: by our order, by the peer's."""
    ours = peers = 0
    for domain in range(world.domains):
        hits = index.search(world.specification(domain, 900), ANY, limit=len(index), mixture="none").hits
        ours += domain_of(hits[0].key) == domain
        peers += domain_of(next(hit for hit in hits if hit.peer_rank == 1).key) == domain
    return ours / world.domains, peers / world.domains


def test_unscaled_tables_rank_at_chance_without_the_scale_and_rightly_with_it():
    units = 10 ** np.random.default_rng(5).uniform(1, 4, WIDTH)
    world = World(domains=12, units=units)
    index = world.index()
    ours, peers = shares_of_right_firsts(world, index)
    assert ours == 1.0
    assert peers <= 0.4  # chance is 1 / 12
    assert PEER_BLIND in index.search(world.specification(0, 900), ANY).notes


def test_standardised_tables_rank_rightly_both_ways():
    world = World(domains=12)
    index = world.index()
    assert shares_of_right_firsts(world, index) == (1.0, 1.0)
    assert index.search(world.specification(0, 900), ANY).notes == ()


def test_numbers_are_those_of_the_plain_distance():
    members = {f"m{i:02}": specification(i, spread=1 + i / 5) for i in range(50)}
    index = Index()
    for key, each in members.items():
        index.add(key, semantic(3), each)
    task = specification(99)
    result = index.search(task, ANY, limit=50)
    scale = island_scale(list(members.values()))
    by_hand = {key: mmd(task, each, scale) for key, each in members.items()}
    assert [hit.key for hit in result.hits] == sorted(members, key=by_hand.__getitem__)
    peers = {key: mmd(task, each) ** 2 for key, each in members.items()}
    assert [hit.key for hit in sorted(result.hits, key=lambda hit: hit.peer_rank)] == sorted(
        members, key=peers.__getitem__
    )
    for hit in result.hits:
        assert hit.distance == pytest.approx(by_hand[hit.key], abs=1e-9)
        assert hit.peer_distance == pytest.approx(peers[hit.key], abs=1e-9)
        assert 0 <= hit.score <= 1
        assert 0 <= hit.peer_score <= 1
    assert result.compared == 50


def test_a_score_says_how_much_of_the_task_is_explained():
    index = Index()
    index.add("same", semantic(3), specification(1, points=30))
    index.add("far", semantic(3), specification(2, points=30, shift=30))
    hits = index.search(specification(1, points=30), ANY).hits
    assert [hit.key for hit in hits] == ["same", "far"]
    assert hits[0].score == pytest.approx(1)
    assert hits[1].score == 0


def test_only_what_may_be_offered_is_offered():
    index = Index()
    index.add("right", semantic(3), specification(1))
    index.add("wider", semantic(4), specification(1, width=4))
    index.add("regression", semantic(3, task="Regression", outputs=1), specification(1))
    index.add("ten classes", semantic(3, outputs=10), specification(1))
    index.add("words only", semantic(3), None)
    task = specification(2)

    def keys(**query):
        return {hit.key for hit in index.search(task, SemanticSpecification(**query)).hits}

    assert keys(data_type="Table", task_type="Classification", output_dimension=2) == {"right"}
    assert keys(task_type="Classification") == {"right", "ten classes"}
    assert keys() == {"right", "ten classes", "regression"}
    assert keys(data_type="Image") == set()
    assert keys(input_dimension=7) == {"right", "ten classes", "regression"}
    assert index.islands()[Island("Table", "Classification", 3, 2)] == 1
    assert sum(index.islands().values()) == 4


def test_a_mixture_stays_on_the_island_of_the_best_hit():
    index = Index()
    for seed in range(4):
        index.add(f"class {seed}", semantic(3), specification(seed))
        index.add(f"number {seed}", semantic(3, task="Regression", outputs=1), specification(seed + 10))
    result = index.search(specification(50), ANY)
    kinds = {key.split()[0] for key in result.mixture.keys}
    assert kinds == {result.hits[0].key.split()[0]}


def test_words_narrow_a_search_by_rows():
    index = Index()
    index.add("a", semantic(3, name="wine quality"), specification(1))
    index.add("b", semantic(3, name="housing prices"), specification(2))
    result = index.search(specification(1), ANY, "housing")
    assert [hit.key for hit in result.hits] == ["b"]
    assert result.mixture.keys == ("b",)


def test_words_alone_find_too():
    index = Index()
    index.add("a", semantic(3, name="wine quality"), None)
    index.add("b", semantic(5, name="housing prices"), specification(2, width=5))
    result = index.search(None, ANY, "wine")
    assert [hit.key for hit in result.hits] == ["a"]
    assert result.hits[0].score > 0.9
    assert result.mixture is None
    assert [hit.key for hit in index.search(None, ANY).hits] == ["a", "b"]


def test_another_kernel_is_left_out_and_named():
    index = Index()
    index.add("a", semantic(3), specification(1))
    index.add("b", semantic(3), specification(1, gamma=0.5))
    result = index.search(specification(2), ANY)
    assert [hit.key for hit in result.hits] == ["a"]
    assert "1 learnwares were left out" in result.notes[0]
    assert index.islands() == {Island("Table", "Classification", 3, 2): 2}


def test_an_empty_answer_says_why():
    result = Index().search(specification(1), ANY)
    assert (result.hits, result.mixture, result.compared) == ((), None, 0)
    assert "Nothing was compared" in result.notes[0]


@settings(derandomize=True, deadline=None, max_examples=10)
@given(st.permutations(list(range(6))))
def test_the_order_of_coming_changes_nothing(order):
    index, plain = Index(), Index()
    for seed in order:
        index.add(f"m{seed}", semantic(3), specification(seed))
    for seed in range(6):
        plain.add(f"m{seed}", semantic(3), specification(seed))
    assert index.search(specification(9), ANY) == plain.search(specification(9), ANY)


def test_learnwares_come_go_and_are_replaced():
    index = Index()
    index.add("a", semantic(3), specification(1))
    index.add("b", semantic(3), specification(2))
    assert index.search(specification(1), ANY).hits[0].key == "a"
    index.add("a", semantic(4), specification(1, width=4))
    assert [hit.key for hit in index.search(specification(1), ANY).hits] == ["b"]
    index.remove("b")
    index.remove("b")
    assert "b" not in index
    assert "a" in index
    assert len(index) == 1
    assert list(index.islands()) == [island_of(semantic(4), specification(1, width=4))]


def test_searches_see_one_moment_while_learnwares_come_and_go():
    index = Index()
    for seed in range(10):
        index.add(f"kept {seed}", semantic(3), specification(seed))
    task, wrong, stop = specification(3), [], threading.Event()

    def churn():
        seed = 0
        while not stop.is_set():
            seed += 1
            index.add(f"passing {seed % 7}", semantic(3), specification(100 + seed, shift=20))
            index.remove(f"passing {(seed + 3) % 7}")

    def look():
        for _ in range(30):
            result = index.search(task, ANY, limit=50)
            keys = [hit.key for hit in result.hits]
            if keys[0] != "kept 3" or len(keys) != len(set(keys)) or result.compared != len(keys):
                wrong.append(keys)

    changing = threading.Thread(target=churn)
    looking = [threading.Thread(target=look) for _ in range(3)]
    for thread in (changing, *looking):
        thread.start()
    for thread in looking:
        thread.join()
    stop.set()
    changing.join()
    assert not wrong


def test_a_search_can_be_called_off():
    index = Index()
    index.add("a", semantic(3), specification(1))
    for task in (specification(2), None):
        with pytest.raises(DeadlineExceeded) as caught:
            index.search(task, ANY, cancelled=lambda: True)
        assert caught.value.reason == "SEARCH_CANCELLED"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"limit": 0}, "SEARCH_LIMIT_OUT_OF_RANGE"),
        ({"mixture_size": 0}, "SEARCH_LIMIT_OUT_OF_RANGE"),
        ({"mixture": "auto"}, "MIXTURE_UNKNOWN"),
    ],
)
def test_impossible_questions_are_refused(options, reason):
    with pytest.raises(InvalidInput) as caught:
        Index().search(specification(1), ANY, **options)
    assert caught.value.reason == reason


def test_of_many_alike_those_are_shown_that_were_evaluated():
    same, task = specification(1), specification(2)
    index = Index()
    for number in range(300):
        index.add(f"m{number:03}", semantic(3), same)
    wanted = mmd(task, same, island_scale([same] * 300))
    for hit in index.search(task, ANY, limit=10).hits:
        assert hit.distance == pytest.approx(wanted, abs=1e-12)


def test_the_null_of_a_shelf_follows_neighbours_whose_memory_is_taken_over():
    shelf, task = Shelf([Entry.of("a", semantic(3), specification(1))]), specification(99)
    entries = [Entry.of("n", semantic(3), specification(seed)) for seed in range(30)]
    nulls, found = Nulls(), []
    for entry in entries:
        # Each neighbour goes before the next one comes, most often to the same place in memory.
        neighbour = Shelf([entry])
        found.append(nulls.of(shelf, [neighbour]).squared(task, 1.0))
        del neighbour
    for entry, each in zip(entries, found, strict=True):
        assert (each == Null(shelf, [Shelf([entry])]).squared(task, 1.0)).all()


@pytest.mark.parametrize("answer", [float("nan"), -1.0, "near", ValueError("broken")])
def test_a_distance_that_is_none_is_the_plug_ins_fault(answer):
    @dataclass
    class Odd:
        type: str = "Odd"
        dimension: int = 3

        def to_json(self):
            return {}

        def distance(self, other):
            if isinstance(answer, Exception):
                raise answer
            return answer

    searcher = PairwiseSearcher()
    searcher.add("a", semantic(3), Odd())
    with pytest.raises(Unavailable) as caught:
        searcher.search(Odd(), ANY)
    assert caught.value.reason == "PLUGIN_BROKEN"


@pytest.mark.parametrize("spread", [1e-3, 1e-9, 1e-60])
def test_nobody_alone_makes_a_column_matter_that_never_varies(spread):
    def made(seed, last=0.0):
        each = specification(seed, points=20)
        column = last * np.random.default_rng(seed).normal(size=20)
        return TableSpecification(np.column_stack([each.z, column]), each.beta, 0.1, 400)

    index = Index()
    for seed in range(10):
        index.add(f"m{seed}", semantic(4), made(seed))
    index.add("evil", semantic(4), made(77, spread))
    moved = TableSpecification(made(3).z + np.array([0, 0, 0, 0.02]), made(3).beta, 0.1, 400)
    hit = index.search(moved, ANY).hits[0]
    assert hit.key == "m3"
    assert hit.score > 0.99
