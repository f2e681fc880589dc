"""Vectors: their bounds are never broken, and mixtures found with them are as good as with every product evaluated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DeadlineExceeded
from learndock.search import Index, island_scale, mixture, mmd
from learndock.search.embed import Basis, bounds
from learndock.search.shelf import Entry, Shelf
from learndock.search.tests.islands import World, domain_of, semantic
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, specify

SETTINGS = settings(derandomize=True, deadline=None, max_examples=12)
ANY = SemanticSpecification()


def specification(seed, spread=1.0, points=6, width=3):
    rng = np.random.default_rng(seed)
    beta = rng.random(points)
    return TableSpecification(rng.normal(size=width) + spread * rng.normal(size=(points, width)), beta / beta.sum())


def shelf_of(members):
    return Shelf([Entry.of(f"m{number:03}", semantic(3), each) for number, each in enumerate(members)])


@SETTINGS
@given(st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0.01, 1.0, 20.0]))
def test_what_the_vectors_say_is_never_wrong(count, seed, spread):
    members = [specification(seed + number, spread) for number in range(count)]
    scale = island_scale(members)
    basis = Basis.learned(members, scale)
    # The strangers were not learned from; the bounds hold for them too.
    everyone = [*members, *(specification(seed + 2000 + number, spread) for number in range(5))]
    vectors = [basis.vector(each) for each in everyone]
    for one in range(min(6, count)):
        for other in range(one + 1, len(everyone)):
            least, greatest = bounds(vectors[one], vectors[other])
            assert least - 1e-6 <= mmd(everyone[one], everyone[other], scale) <= greatest + 1e-6


@SETTINGS
@given(st.integers(1, 20), st.integers(0, 1000))
def test_the_contraction_stretches_nothing(count, seed):
    members = [specification(seed + number) for number in range(count)]
    basis = Basis.learned(members, island_scale(members))
    for each in members:
        values, rest = basis.vector(each)
        norm = squared_norm(each, basis.scale)
        assert values @ values <= norm + 1e-9
        assert values @ values + rest**2 == pytest.approx(norm, abs=1e-9)


def squared_norm(specification, scale):
    z = specification.z / scale
    distances = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    return float(specification.beta @ np.exp(-specification.gamma * distances) @ specification.beta)


def test_vectors_in_memory_are_those_of_float64_nearly():
    members = [specification(number) for number in range(60)]
    shelf = shelf_of(members)
    basis = shelf.basis()
    held = shelf.vectors(basis, range(60))
    exact = np.stack([basis.vector(each)[0] for each in shelf.specifications])
    assert np.abs(held - exact).max() < 1e-4
    products = shelf.projected(basis, exact[7])
    assert np.abs(products - exact @ exact[7]).max() < 1e-4


def test_a_basis_serves_newcomers_until_they_are_as_many_again():
    entries = [Entry.of(f"m{number:03}", semantic(3), specification(number)) for number in range(40)]
    first = Shelf(entries)
    basis = first.basis()
    # The same learnwares again leave the scale as it is.
    copies = [Entry.of(f"copy {each.key}", each.semantic, each.specification) for each in entries]
    assert Shelf([*entries, *copies], older=first).basis() is basis
    more = [Entry.of("one more", semantic(3), entries[0].specification)]
    assert Shelf([*entries, *copies, *more], older=first).basis() is not basis
    wide = Entry.of("wide", semantic(3), specification(0, spread=1e3))
    assert Shelf([*entries, wide], older=first).basis() is not basis


def test_a_basis_can_be_called_off_and_made_later():
    shelf = shelf_of([specification(number) for number in range(20)])
    with pytest.raises(DeadlineExceeded):
        shelf.basis(lambda: True)
    assert len(shelf.projected(shelf.basis(), np.zeros(len(shelf.basis().contraction)))) == 20


@settings(derandomize=True, deadline=None, max_examples=4)
@given(st.integers(0, 100))
def test_mixtures_found_by_vectors_are_as_good(seed):
    world = World(domains=8)
    index = world.index(mates=3)
    chosen = np.random.default_rng(seed).choice(8, 3, replace=False)
    task = specify(np.concatenate([world.rows(int(domain), seed + 77, 150) for domain in chosen]))
    exact = index.search(task, ANY).mixture
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixture, "LARGE", 1)
        patch.setattr(mixture, "NEAREST", 4)
        patch.setattr(mixture, "BY_GAIN", 6)
        result = index.search(task, ANY)
    assert result.mixture.distance**2 <= 1.25 * exact.distance**2
    assert result.mixture.distance <= result.hits[0].distance + 1e-9
    assert set(chosen) <= {domain_of(key) for key in result.mixture.keys}


def test_only_what_was_offered_is_mixed(monkeypatch):
    monkeypatch.setattr(mixture, "LARGE", 1)
    index = Index()
    for number in range(30):
        index.add(f"m{number}", semantic(3, name="odd" if number % 2 else "even"), specification(number))
    found = index.search(specification(99), ANY, "odd").mixture
    assert all(int(key[1:]) % 2 for key in found.keys)
