"""Verdicts on real tables: what fits, what fits in part, what does not, and when nothing can be told."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from learndock.search import Index
from learndock.search.tests.islands import World, semantic
from learndock.search.verdict import FITS_TO, NOTHING_FROM
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, specify

ANY = SemanticSpecification()
LOADERS = {"wine": load_wine, "iris": load_iris, "breast cancer": load_breast_cancer, "digits": load_digits}


@cache
def table(name):
    """Rows by class, in a random order that is always the same."""
    data = LOADERS[name]()
    order = np.random.default_rng(0).permutation(len(data.target))
    return {int(label): data.data[order][data.target[order] == label] for label in np.unique(data.target)}


def dock(name, classes):
    """An index where every class has an owner or two, and the rows of each class that are left."""
    index, left = Index(), {}
    for label in classes:
        owned = table(name)[label]
        parts = np.array_split(owned, 3 if len(owned) > 90 else 2)
        for mate, part in enumerate(parts[:-1]):
            index.add(f"{label}:{mate}", semantic(owned.shape[1]), specify(part))
        left[label] = parts[-1]
    return index, left


def ask(index, rows, **options):
    return index.search(specify(rows), ANY, **options)


@pytest.mark.parametrize("name", ["wine", "iris", "breast cancer", "digits"])
def test_rows_of_an_owners_class_fit_and_of_another_do_not(name):
    *owned, other = list(table(name))[:4]
    index, left = dock(name, owned)
    for label, rows in left.items():
        result = ask(index, rows)
        assert result.verdict.word == "fits", (label, result.verdict)
        assert result.verdict.ratio <= FITS_TO
        assert result.hits[0].key.startswith(f"{label}:")
        assert result.hits[0].fits == "fits"
    result = ask(index, table(name)[other])
    assert result.verdict.word == "nothing fits", result.verdict
    assert result.verdict.ratio >= NOTHING_FROM
    assert {hit.fits for hit in result.hits} == {"does not fit"}


@pytest.mark.parametrize("name", ["wine", "breast cancer", "digits"])
def test_other_columns_do_not_fit(name):
    classes = list(table(name))[:2]
    index, left = dock(name, classes)
    shuffled = left[classes[0]][:, ::-1]
    assert ask(index, shuffled).verdict.word == "nothing fits"


def test_half_of_the_rows_from_elsewhere_fit_in_part():
    index, left = dock("wine", [0, 1])
    half = np.concatenate([left[0], table("wine")[2][: len(left[0])]])
    verdict = ask(index, half).verdict
    assert verdict.word == "fits in part", verdict
    assert "unlike any here" in verdict.reason


def test_rows_of_two_owners_fit_by_the_mixture():
    index, left = dock("digits", [0, 1, 2, 3])
    both = np.concatenate([left[0], left[1]])
    result = ask(index, both)
    assert result.verdict.word == "fits"
    assert "mixture" in result.verdict.reason
    parts = {hit.key: hit.fits for hit in result.hits}
    assert all(
        parts[key] == "fits in part"
        for key, weight in zip(result.mixture.keys, result.mixture.weights, strict=True)
        if weight >= 0.1
    )
    assert parts[result.hits[-1].key] == "does not fit"
    alone = ask(index, both, mixture="none")
    assert alone.verdict.word != "fits"
    assert "fits" not in {hit.fits for hit in alone.hits}


def test_the_peer_shows_six_tenths_where_nothing_fits():
    world = World(domains=6)
    index = world.index()
    result = index.search(specify(world.rows(0, 900) + 30), ANY)
    assert result.verdict.word == "nothing fits"
    assert max(hit.peer_score for hit in result.hits) >= 0.6


def test_strangers_may_stand_on_other_islands_of_the_width():
    world = World(domains=2)
    alone, among = Index(), Index()
    for mate in range(2):
        for index in (alone, among):
            index.add(f"0:{mate}", semantic(world.width), world.specification(0, mate))
        among.add(f"1:{mate}", semantic(world.width, task="Regression", outputs=1), world.specification(1, mate))
    query = SemanticSpecification(task_type="Classification")
    task = world.specification(0, 900)
    assert alone.search(task, query).verdict.strangers == 0
    found = among.search(task, query)
    assert found.verdict.strangers == 2
    assert {hit.key[0] for hit in found.hits} == {"0"}


def test_specifications_of_two_points_tell_nothing():
    index = Index()
    for seed in range(5):
        index.add(f"m{seed}", semantic(4), coarse(seed))
    verdict = index.search(coarse(9), ANY).verdict
    assert verdict.word == "cannot tell"
    assert "more rows" in verdict.reason
    assert Index().search(coarse(9), ANY).verdict.word == "cannot tell"


def coarse(seed):
    return TableSpecification(np.random.default_rng(seed).normal(size=(2, 4)), np.full(2, 0.5))


def test_neither_near_nor_far_of_the_only_kind_cannot_be_told():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 4))
    index = Index()
    index.add("only", semantic(4), specify(rows))
    words = [
        index.search(specify(rng.normal(size=(400, 4)) + shift), ANY).verdict.word for shift in np.arange(0, 3, 0.1)
    ]
    assert words[0] == "fits"
    assert words[-1] == "nothing fits"
    assert "cannot tell" in words
    assert "fits in part" not in words


def test_words_alone_have_no_verdict():
    index = Index()
    index.add("a", semantic(3, name="wine quality"), None)
    result = index.search(None, ANY, "wine")
    assert result.verdict is None
    assert result.hits[0].fits == ""


def test_units_and_copies_change_no_word():
    units = 10 ** np.random.default_rng(5).uniform(1, 4, 8)
    plain, scaled = World(domains=5), World(domains=5, units=units)
    for domain in range(3):
        here = plain.index().search(plain.specification(domain, 900), ANY).verdict
        there = scaled.index().search(scaled.specification(domain, 900), ANY).verdict
        assert here.word == there.word == "fits"
        assert here.ratio == pytest.approx(there.ratio, rel=0.05)


def test_where_the_kernel_sees_no_overlap_nothing_can_be_told():
    rng = np.random.default_rng(1)
    index = Index()
    for mate in range(40):
        index.add(f"tame {mate:02}", semantic(12), specify(rng.normal(size=(100, 12))))
    # On a scale made mostly by tame learnwares the points of a wild one are strangers to one another.
    index.add("wild", semantic(12), specify(1e3 * rng.normal(size=(200, 12))))
    verdict = index.search(specify(1e3 * rng.normal(size=(200, 12))), ANY).verdict
    assert verdict.word == "cannot tell"
    assert "no overlap" in verdict.reason
    assert index.search(specify(rng.normal(size=(100, 12)) + 1e5), ANY).verdict.word == "nothing fits"


@pytest.mark.parametrize(("width", "gamma"), [(2, 0.1), (3, 0.01), (3, 1e-4), (3, 1e-12), (20, 0.001)])
def test_a_wide_kernel_does_not_make_everything_fit(width, gamma):
    rng = np.random.default_rng(0)
    means = 3 * rng.normal(size=(5, width))
    means[4] = means[:4].mean(axis=0) + 4 * (means[0] - means[1]) / np.linalg.norm(means[0] - means[1])

    def made(domain):
        return specify(means[domain] + 0.5 * rng.normal(size=(300, width)), gamma=gamma)

    index = Index()
    for domain in range(4):
        for mate in range(3):
            index.add(f"{domain}:{mate}", semantic(width), made(domain))
    for domain in range(4):
        assert index.search(made(domain), ANY).verdict.word == "fits"
    assert index.search(made(4), ANY).verdict.word == "nothing fits"
