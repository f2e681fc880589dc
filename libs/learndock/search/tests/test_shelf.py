"""Shelves: the answer depends on what stands there and not on how it came; float32 errs by a stated amount."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DeadlineExceeded
from learndock.search import Index, shelf
from learndock.search.shelf import Entry, Shelf
from learndock.search.tests.islands import semantic
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

SETTINGS = settings(derandomize=True, deadline=None, max_examples=20)
ANY = SemanticSpecification()


def specification(seed, units=1.0, points=8, width=3):
    rng = np.random.default_rng(seed)
    beta = rng.random(points)
    return TableSpecification(units * (rng.normal(size=width) + rng.normal(size=(points, width))), beta / beta.sum())


@pytest.fixture(autouse=True)
def _small_trays(monkeypatch):
    monkeypatch.setattr(shelf, "TRAY", 4)


def filled(keys):
    index = Index()
    for key in keys:
        index.add(f"m{key}", semantic(3), specification(key))
    return index


@SETTINGS
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), min_size=1, max_size=25), st.integers(0, 4))
def test_searches_between_changes_change_nothing(changes, every):
    index, there, task = filled(range(12)), set(range(12)), specification(999)
    for number, (add, key) in enumerate(changes):
        if add:
            index.add(f"m{key}", semantic(3), specification(key))
            there.add(key)
        else:
            index.remove(f"m{key}")
            there.discard(key)
        if every and number % every == 0:
            index.search(task, ANY, mixture="none")
    assert index.search(task, ANY) == filled(sorted(there)).search(task, ANY)


@SETTINGS
@given(st.integers(0, 1000))
def test_the_order_of_points_changes_nothing(seed):
    plain, moved = Index(), Index()
    for number in range(10):
        each = specification(seed + number)
        order = np.random.default_rng(seed).permutation(len(each.beta))
        plain.add(f"m{number}", semantic(3), each)
        moved.add(f"m{number}", semantic(3), TableSpecification(each.z[order], each.beta[order]))
    a, b = (index.search(specification(seed + 99), ANY) for index in (plain, moved))
    assert [hit.key for hit in a.hits] == [hit.key for hit in b.hits]
    assert [hit.distance for hit in a.hits] == pytest.approx([hit.distance for hit in b.hits], abs=1e-7)
    assert a.mixture.distance == pytest.approx(b.mixture.distance, abs=1e-6)


@SETTINGS
@given(st.integers(0, 1000), st.sampled_from([1e-100, 1e-30, 1e-22, 1e-3, 1.0, 10.0, 100.0, 1e4, 1e6]), st.booleans())
def test_the_scan_errs_by_less_than_a_millionth(seed, units, mixed):
    # With mixed units only some columns are large, or tiny: masses of atoms in kilograms, or an attacker's.
    spread = np.array([1.0, units, 1.0]) if mixed else units
    members = [specification(seed + number, spread) for number in range(20)]
    # A copy that moved a little: its pairs are near whatever the units are.
    members.append(TableSpecification(members[0].z + 0.5 * min(units, 1.0), members[0].beta))
    stands = Shelf([Entry.of(f"m{number}", semantic(3), each) for number, each in enumerate(members)])
    task = members[0]
    scanned, exact = stands.compare(task), stands.compare(task)
    stands.evaluate(task, np.arange(len(stands)), exact)
    assert np.abs(scanned.inner - exact.inner).max() <= 1e-6
    assert np.abs(scanned.squared - exact.squared).max() <= 2e-6
    assert np.abs(scanned.peer_squared - exact.peer_squared).max() <= 2e-5


def test_weights_of_nought_are_no_trouble():
    z = np.arange(12.0).reshape(4, 3)
    index = Index()
    index.add("a", semantic(3), TableSpecification(z, np.array([0.5, 0.0, 0.5, 0.0])))
    index.add("b", semantic(3), TableSpecification(z[[0, 2]], np.array([0.5, 0.5])))
    hits = index.search(TableSpecification(z, np.array([0.0, 0.5, 0.5, 0.0])), ANY).hits
    assert hits[0].distance == pytest.approx(hits[1].distance, abs=1e-7)


@pytest.mark.parametrize("patience", [0, 1, 2, 5, 20])
def test_an_index_stays_usable_when_a_search_is_called_off(patience):
    index, task, asked = filled(range(40)), specification(999), []

    def cancelled():
        asked.append(None)
        return len(asked) > patience

    with pytest.raises(DeadlineExceeded) as caught:
        index.search(task, ANY, cancelled=cancelled)
    assert caught.value.reason == "SEARCH_CANCELLED"
    assert index.search(task, ANY) == filled(range(40)).search(task, ANY)


def test_a_search_tells_how_far_it_is():
    index, told = filled(range(40)), []
    index.add("other island", semantic(3, task="Regression", outputs=1), specification(1))
    index.search(specification(999), ANY, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 2
    assert all(0 < share <= 1 for share in told)


def test_a_newcomer_leaves_other_trays_as_they_are():
    entries = [Entry.of(f"m{number}", semantic(3), specification(number)) for number in range(60)]
    first = Shelf(entries)
    newcomer = Entry.of("new", semantic(3), specification(7))
    second = Shelf([*entries, newcomer], older=first)
    kept = [tray for tray in second.trays if tray in first.trays]
    assert len(kept) == len(first.trays) - 1
    assert not any(newcomer in tray.entries for tray in kept)
