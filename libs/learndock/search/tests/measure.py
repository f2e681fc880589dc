"""Prints the numbers of docs/adr/0004: python libs/learndock/search/tests/measure.py."""

import time

import numpy as np

from learndock.search.tests.islands import World, domain_of
from learndock.semantic import SemanticSpecification
from learndock.specification import specify
from learndock.specification.kernel import gram

ANY = SemanticSpecification()


def reduction():
    """MMD^2 to 3,000 of the rows and processor seconds, ours and 100 rows; nearest row per column."""
    print("| rows x columns | MMD^2 | 100 rows, equal weights | nearest row, sd per column | processor s |")
    for n, d in ((10_000, 10), (10_000, 50), (100_000, 50)):
        rng = np.random.default_rng(0)
        X = 2 * rng.normal(size=(8, d))[rng.integers(8, size=n)] + rng.normal(size=(n, d))
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        start = time.process_time()
        found = specify(X)
        seconds = time.process_time() - start
        probe, rows = X[:3000], X[-100:]
        itself = gram(probe, probe, 0.1).mean()
        ours = found.self_norm - 2 * float(found.beta @ gram(found.z, probe, 0.1).mean(axis=1)) + itself
        plain = gram(rows, rows, 0.1).mean() - 2 * gram(rows, probe, 0.1).mean() + itself
        nearest = min(float(np.sqrt(((X - z) ** 2).mean(axis=1)).min()) for z in found.z)
        print(f"| {n} x {d} | {ours:.5f} | {plain:.5f} | {nearest:.2f} | {seconds:.2f} |")


def ranking():
    """How often the first hit is of the task's domain, over 30 domains with 4 learnwares each."""
    print("| columns | island's scale | peer's order | chance |")
    spread = 10 ** np.random.default_rng(5).uniform(-1, 4, 8)
    for name, units in (("standardised", 1.0), ("all ten times larger", 10.0), ("units from 0.1 to 10,000", spread)):
        world = World(domains=30, units=units)
        index = world.index()
        ours = peers = 0
        for domain in range(30):
            hits = index.search(world.specification(domain, 900), ANY, limit=len(index), mixture="none").hits
            ours += domain_of(hits[0].key) == domain
            peers += domain_of(next(hit for hit in hits if hit.peer_rank == 1).key) == domain
        print(f"| {name} | {ours}/30 | {peers}/30 | 1/30 |")


if __name__ == "__main__":
    reduction()
    ranking()
