"""The peer's distances, scores and ranks next to ours: against loops over numbers, one kernel at a time."""

import math

import numpy as np
import pytest

from learndock.search import Index
from learndock.search.tests.islands import World, semantic
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

ANY = SemanticSpecification()


def kernel(x, y, gamma):
    return math.exp(-gamma * math.fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def product(a, b):
    pairs = ((p, x, q, y) for p, x in zip(a.beta, a.z, strict=True) for q, y in zip(b.beta, b.z, strict=True))
    return math.fsum(p * q * kernel(x, y, a.gamma) for p, x, q, y in pairs)


def plain_distance(a, b):
    """MMD^2 on the columns as they are: what the peer's software calls distance."""
    return product(a, a) + product(b, b) - 2 * product(a, b)


def plain_score(distance, distances):
    """One learnware's score among all that were compared, step by step."""
    best, worst, mean = min(distances), max(distances), sum(distances) / len(distances)
    full_marks_at = mean / 10
    if best < full_marks_at:
        full_marks_at = best
    elif (worst - best) < 0.92 * (worst - full_marks_at):
        full_marks_at = worst - (worst - best) / 0.92
    score = (worst - distance) / (worst - full_marks_at)
    return min(math.sqrt(max(score, 0.0)), 0.7) if score < 0.7 else score


def members(kind):
    """Ten learnwares and a task: like one of them, unlike all, or with one far from the rest."""
    rng = np.random.default_rng(3)
    found = [specification(rng, centre=0.4 * place) for place in range(10)]
    if kind == "outlier":
        found[4] = specification(rng, centre=50)
    return found, {"like one": found[3], "unlike": specification(rng, centre=-4)}.get(
        kind, specification(rng, centre=1)
    )


def specification(rng, centre):
    points = int(rng.integers(3, 8))
    return TableSpecification(centre + rng.normal(size=(points, 4)), rng.dirichlet(np.ones(points)), 0.1)


@pytest.mark.parametrize("kind", ["near", "like one", "unlike", "outlier"])
def test_what_the_peer_would_say_is_what_it_would_say(kind):
    learnwares, task = members(kind)
    index = Index()
    for place, each in enumerate(learnwares):
        index.add(str(place), semantic(4), each)
    distances = [plain_distance(task, each) for each in learnwares]
    order = sorted(range(10), key=distances.__getitem__)
    hits = {int(hit.key): hit for hit in index.search(task, ANY, limit=10, mixture="none").hits}
    for place in range(10):
        assert hits[place].peer_distance == pytest.approx(distances[place], abs=1e-12)
        assert hits[place].peer_score == pytest.approx(plain_score(distances[place], distances), abs=1e-6)
        assert hits[place].peer_rank == order.index(place) + 1


def test_the_columns_units_are_the_peers_trouble_alone():
    units = np.array([1.0, 10.0, 100.0, 1000.0, 1.0, 10.0, 100.0, 1000.0])
    world, scaled = World(domains=4), World(domains=4, units=units)
    ours, theirs = [
        {hit.key: hit for hit in each.index().search(each.specification(0, 900), ANY, limit=16).hits}
        for each in (world, scaled)
    ]
    # The scale is stepped, so distances are those of the plain columns up to a step.
    for key, hit in ours.items():
        assert theirs[key].distance == pytest.approx(hit.distance, rel=0.1)
    assert max(abs(theirs[key].peer_distance - hit.peer_distance) for key, hit in ours.items()) > 0.1
