"""Side by side with the peer, in one run.

Both sides have the same arrays and the same cores; the peer has one thread or two, whichever a probe finds quicker.
It is its released package, unmodified, in a process of its own that has loaded everything before a
clock starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import domains
from clock import best_of, times
from learndock import TableSpecification, specify
from learndock.search.island import island_scale
from learndock.semantic import SemanticSpecification
from learndock.specification.kernel import gram
from learndock.specification.threads import one_thread
from peer_jobs import selector_table
from peer_link import Peer, PeerFailed, peer_python
from scenes import Scene, clusters
from table import Cell, Table

Array = npt.NDArray[np.float64]
COMMAND = "make bench BENCH_ARGS='--only peer'"
JUDGED = 20_000
"""Rows to which MMD² is taken where there are more: all of them would be five billion kernel values."""
ANY = SemanticSpecification()


def tables(quick: bool) -> list[Table]:
    """All comparisons, or one table that says why there is none."""
    if peer_python() is None:
        return [_left_out("its environment is not there: make peer-env")]
    try:
        with Peer() as peer:
            return [
                _versions(peer),
                _specification(peer, quick),
                _search(peer, quick),
                _mixture(peer, quick),
                _ranking(peer, quick),
                selector_table(peer, quick),
            ]
    except PeerFailed as failed:
        return [_left_out(str(failed))]


def _left_out(why: str) -> Table:
    return Table("peer.versions", "The peer", ("", ""), (("left out", why),), COMMAND)


def _versions(peer: Peer) -> Table:
    threads = peer.choose_threads(clusters(5_000, 20).rows)
    rows: tuple[tuple[str, Cell], ...] = (*peer.versions.items(), ("threads, the quicker of one and two", threads))
    return Table("peer.versions", "The peer", ("", "release"), rows, COMMAND)


def _specification(peer: Peer, quick: bool) -> Table:
    rows: list[Sequence[Cell]] = []
    for n, d in ((2_000, 10),) if quick else ((10_000, 10), (10_000, 50), (100_000, 50)):
        scene = clusters(n, d)
        said = peer.ask(
            "specify",
            arrays=peer.put("rows", X=scene.rows),
            out=peer.path("made"),
            k=100,
            repeats=1 if n > 10_000 else 3,
        )
        theirs, made = said["time"], peer.get("made")
        spec, ours = best_of(3, specify, scene.rows, k=100)
        judge = Scene(scene.rows[:JUDGED])
        before, after = judge.squared_mmd(made["z"], made["beta"]), judge.squared_mmd(spec.z, spec.beta)
        speed = (theirs["wall"], ours["wall"], *times(theirs, ours))
        rows.append((f"{n:,} x {d}", *speed, before, after, times(before, after)))
    return Table(
        "peer.specification",
        "Specifications: seconds, and MMD² to the rows",
        ("table, K = 100", "peer, s", "ours, s", "faster", "by processor time", "peer, MMD²", "ours, MMD²", "lower"),
        rows,
        COMMAND,
        (
            "Standardised tables of eight clusters, gamma 0.1, weights that sum to 1. The best of three times each, of "
            "one for the peer's largest. MMD² is to 20,000 of the rows at most. Ours holds its privacy rules.",
        ),
    )


def _search(peer: Peer, quick: bool) -> Table:
    rows: list[Sequence[Cell]] = []
    for size in (200,) if quick else (1_000, 10_000):
        world = domains.world(size)
        keys, index, task = list(world.members), world.index(), domains.task([3], 1)
        _, first = best_of(1, index.search, task, ANY, mixture="none")
        found, ours = best_of(5, index.search, task, ANY, mixture="none")
        said = peer.ask("search", **_scene(peer, world, task), only_single=True)
        theirs = said["single"]
        distances = {keys[place]: value for place, value in zip(said["order"], said["distances"], strict=True)}
        gap = max(abs(distances[hit.key] - hit.peer_distance) for hit in found.hits)
        each = (1e6 * theirs["wall"] / size, 1e6 * ours["wall"] / size)
        rows.append((size, *each, *times(theirs, ours), 1e3 * first["wall"], f"{gap:.0e}"))
    return Table(
        "peer.search",
        "Search for one task: microseconds per learnware",
        ("learnwares", "peer, µs", "ours, µs", "faster", "by processor time", "ours, first search, ms", "greatest gap"),
        rows,
        COMMAND,
        (
            "K = 100 points of width 20. Ours is the whole answer: distances on the island's scale and the peer's "
            "own, the verdict, the filter; the peer's is its list of distances alone. The first search after "
            "learnwares came prepares them. The gap is between the peer's distances and those reported beside ours.",
        ),
    )


def _mixture(peer: Peer, quick: bool) -> Table:
    size, count = (400, 2) if quick else (10_000, 5)
    world = domains.world(size)
    keys, index = list(world.members), world.index()
    index.search(domains.task([0], 0), ANY)
    scale = island_scale([world.members[key] for key in keys])
    island = _island(peer, world)
    rng = np.random.default_rng(11)
    theirs: list[list[float]] = []
    ours: list[list[float]] = []
    for seed in range(count):
        wanted = sorted(int(each) for each in rng.choice(domains.DOMAINS, 3, replace=False))
        task = domains.task(wanted, seed)
        scene: dict[str, Any] = {"island": island, "arrays": peer.put("task", z=task.z, b=task.beta), "mixture": 5}
        said = peer.ask("search", **scene, only_single=False)
        members = tuple(keys[place] for place in said["mixture"]["members"])
        weights = tuple(said["mixture"]["weights"])
        worth = _worth(world, task, wanted, members, weights, scale)
        theirs.append([*worth, said["whole"]["wall"]])
        found, spent = best_of(1 if quick else 3, index.search, task, ANY, mixture="greedy", mixture_size=5)
        # Where one learnware does as well as any mixture there is none.
        mixed = found.mixture
        members, weights = (mixed.keys, mixed.weights) if mixed else ((found.hits[0].key,), (1.0,))
        ours.append([*_worth(world, task, wanted, members, weights, scale), spent["wall"]])
    before, after = np.mean(theirs, axis=0), np.mean(ours, axis=0)
    return Table(
        "peer.mixture",
        f"Mixtures for tasks of three domains, {size:,} learnwares",
        ("", "MMD², columns as they are", "MMD², island's scale", "domains found, of 3", "s"),
        (
            ("peer", *map(float, before)),
            ("ours", *map(float, after)),
            ("peer / ours", *(times(float(a), float(b)) for a, b in zip(before, after, strict=True))),
        ),
        COMMAND,
        (
            f"Means of {count} tasks, at most five learnwares each; times are of whole searches. Both sides' mixtures "
            "are evaluated by us with both kernels, exactly.",
        ),
    )


def _ranking(peer: Peer, quick: bool) -> Table:
    size, count = (400, 6) if quick else (1_000, 20)
    plain = domains.world(size)
    one, other = np.ones(domains.WIDTH), np.where(np.arange(domains.WIDTH) % 2, 10.0, 1.0)
    rows: list[Sequence[Cell]] = []
    for name, factors in (("as they are", one), ("all ten times", 10 * one), ("every other one ten times", other)):
        world = domains.World({key: _scaled(each, factors) for key, each in plain.members.items()})
        keys, index, island = list(world.members), world.index(), _island(peer, world)
        right = np.zeros((count, 2))
        for seed in range(count):
            domain = seed * 9 % domains.DOMAINS
            task = _scaled(domains.task([domain], seed), factors)
            arrays = peer.put("task", z=task.z, b=task.beta)
            said = peer.ask("search", island=island, arrays=arrays, mixture=5, only_single=True)
            hits = index.search(task, ANY, mixture="none").hits
            first = (keys[said["order"][0]], hits[0].key)
            right[seed] = [domains.domain_of(key) == domain for key in first]
        rows.append((name, *map(float, right.mean(axis=0)), 1 / domains.DOMAINS))
    return Table(
        "peer.ranking",
        "Is the first learnware of the task's domain? By how large the columns are",
        ("columns", "peer", "ours", "by chance"),
        rows,
        COMMAND,
        (f"Shares of {count} tasks of one domain each; {size:,} learnwares of {domains.DOMAINS} domains.",),
    )


def _worth(
    world: domains.World,
    task: TableSpecification,
    wanted: Sequence[int],
    keys: Sequence[str],
    weights: Sequence[float],
    scale: Array,
) -> list[float]:
    """MMD² of a mixture to the task, plain and on the island's scale, and how many of its domains are in it."""
    members = [world.members[key] for key in keys]
    z = np.concatenate([each.z for each in members])
    beta = np.concatenate([share * each.beta for share, each in zip(weights, members, strict=True)])
    found = {domains.domain_of(key) for key, share in zip(keys, weights, strict=True) if share > 0.01}
    plain, scaled = (_squared(z / by, beta, task.z / by, task.beta) for by in (np.ones(len(scale)), scale))
    return [plain, scaled, float(len(found & set(wanted)))]


def _squared(z: Array, beta: Array, other: Array, weights: Array) -> float:
    with one_thread():
        own, cross, their = gram(z, z, 0.1), gram(z, other, 0.1), gram(other, other, 0.1)
    return float(beta @ own @ beta - 2 * beta @ cross @ weights + weights @ their @ weights)


def _scene(peer: Peer, world: domains.World, task: TableSpecification) -> dict[str, Any]:
    arrays = peer.put("task", z=task.z, b=task.beta)
    return {"island": _island(peer, world), "arrays": arrays, "mixture": 5}


def _island(peer: Peer, world: domains.World) -> str:
    return peer.put_island(list(world.members.values()), domains.POINTS)


def _scaled(specification: TableSpecification, factors: Array) -> TableSpecification:
    return TableSpecification(
        specification.z * factors, specification.beta, specification.gamma, specification.num_points
    )


if __name__ == "__main__":
    for table in tables(quick=False):
        print(table.to_markdown())
