"""Specification files go both ways and mean the same on both sides."""

from __future__ import annotations

import json

import numpy as np
import pytest

from learndock import TableSpecification, specify
from learndock.search import peer_scores
from learndock.specification.kernel import inner_product

SHAPES = [(1, 1), (30, 2), (500, 10), (2_000, 50)]


def rows(shape, seed):
    return np.random.default_rng(seed).normal(size=shape) + 0.3 * seed


def norm(one, two):
    return inner_product(one.z, one.beta, two.z, two.beta, one.gamma)


def check_agreement(said, one, two):
    assert said["inner"] == pytest.approx(norm(one, two), abs=1e-6)
    assert said["norm"] == pytest.approx(one.self_norm, abs=1e-6)
    assert said["dist"] == pytest.approx(one.self_norm - 2 * norm(one, two) + two.self_norm, abs=1e-6)
    assert tuple(said["shape"]) == one.z.shape
    assert (said["num_points"], said["gamma"]) == (one.num_points, one.gamma)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ours_load_in_the_peer_with_equal_distances(peer, shape, tmp_path):
    specifications = [specify(rows(shape, seed), privacy="off") for seed in (0, 1)]
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for specification, path in zip(specifications, paths, strict=True):
        specification.save(path)
    said = peer.ask("compare", first=str(paths[0]), second=str(paths[1]))
    check_agreement(said, *specifications)
    assert said["dist"] > 0


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_the_peers_load_in_ours_with_equal_distances(peer, shape):
    paths = []
    for seed in (0, 1):
        arrays = peer.put(f"rows{seed}", X=rows(shape, seed))
        out = peer.path(f"made{seed}")
        peer.ask("specify", arrays=arrays, out=out, k=100, repeats=1)
        paths.append(f"{out}.json")
    specifications = [TableSpecification.load(path) for path in paths]
    said = peer.ask("compare", first=paths[0], second=paths[1])
    check_agreement(said, *specifications)
    made = peer.get("made0")
    np.testing.assert_array_equal(specifications[0].z, made["z"])
    np.testing.assert_allclose(specifications[0].beta, made["beta"], atol=1e-9)


def test_through_both_and_back(peer, tmp_path):
    """The peer writes what we wrote: numbers survive in full."""
    ours = specify(rows((400, 5), 0))
    ours.save(tmp_path / "ours.json")
    document = json.loads((tmp_path / "ours.json").read_text())
    said = peer.ask("compare", first=str(tmp_path / "ours.json"), second=str(tmp_path / "ours.json"))
    assert abs(said["dist"]) < 1e-12
    assert said["norm"] == pytest.approx(ours.self_norm, abs=1e-12)
    assert document["type"] == "RKMETableSpecification"


def test_a_mixture_file_of_theirs_with_a_column_of_weights(peer, tmp_path):
    """Some of the peer's tools write beta as (K, 1); we read it, and what we write they read."""
    ours = specify(rows((400, 5), 0))
    document = ours.to_json()
    document["beta"] = [[each] for each in document["beta"]]
    (tmp_path / "column.json").write_text(json.dumps(document))
    loaded = TableSpecification.load(tmp_path / "column.json")
    loaded.save(tmp_path / "flat.json")
    said = peer.ask("compare", first=str(tmp_path / "flat.json"), second=str(tmp_path / "flat.json"))
    assert said["norm"] == pytest.approx(ours.self_norm, abs=1e-9)


def test_the_searches_agree_on_the_order(peer):
    """The peer's own distances and scores are what our search states beside its own."""
    rng = np.random.default_rng(5)
    made = [specify(rng.normal(size=(400, 4)) + rng.normal(size=4), k=20) for _ in range(12)]
    task = specify(rng.normal(size=(400, 4)), k=20)
    count = min(len(each.z) for each in [*made, task])
    made = [TableSpecification(each.z[:count], each.beta[:count] / each.beta[:count].sum()) for each in made]
    arrays = peer.put(
        "island",
        Z=np.stack([each.z for each in made]),
        B=np.stack([each.beta for each in made]),
        z=task.z,
        b=task.beta,
    )
    said = peer.ask("search", island=arrays, arrays=arrays, mixture=3, only_single=True)
    squares = np.array([norm(task, task) - 2 * norm(task, each) + each.self_norm for each in made])
    assert said["order"] == np.argsort(squares, kind="stable").tolist()
    np.testing.assert_allclose(said["distances"], np.sort(squares), atol=1e-9)
    np.testing.assert_allclose(said["scores"], peer_scores(np.sort(squares)), atol=1e-9)
