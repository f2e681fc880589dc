"""The worked examples of docs/guide/extending.md, each run."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from learndock import plugins, read_package, specify
from learndock.check import run_checks
from learndock.errors import InvalidInput, Unavailable
from learndock.reuse import Member
from learndock.search import Index
from learndock.semantic import SemanticSpecification
from tests.packages.extending import module_source
from tests.packages.models import build_package


@pytest.fixture(scope="module")
def names():
    module = types.ModuleType("field_plugins")
    sys.modules[module.__name__] = module
    exec(compile(module_source(), "docs/guide/extending.md", "exec"), vars(module))
    yield vars(module)
    del sys.modules[module.__name__]


class Answering:
    """A live model in the checks' eyes, two columns wide."""

    def __init__(self, answer):
        self.answer = answer

    def instantiate(self):
        return {"input_shape": [2], "output_shape": [1]}

    def predict(self, inputs):
        return self.answer(np.asarray(inputs))


def test_a_specification_type_is_read_from_a_package_and_searched_by(names, tmp_path):
    Moments = names["MomentsSpecification"]
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(50, 2)), rng.normal(5, 1, size=(50, 2))
    shelf = {"near": Moments.of(near), "far": Moments.of(far)}
    assert names["nearest"](rng.normal(size=(30, 2)), shelf) == "near"
    path = build_package(
        tmp_path / "model.zip", specification=Moments.of(near), specification_class="MomentsSpecification"
    )
    assert read_package(path, types={"MomentsSpecification": Moments}).specification == Moments.of(near)
    with pytest.raises(InvalidInput) as caught:
        read_package(path)
    assert caught.value.reason == "SPECIFICATION_CLASS_UNKNOWN"


@pytest.mark.parametrize("value", [{"means": [1]}, {"means": [1], "spreads": [1, 2]}, {"means": "x", "spreads": "y"}])
def test_what_a_type_cannot_read_is_refused(names, tmp_path, value):
    path = build_package(tmp_path / "model.zip", specification=value, specification_class="MomentsSpecification")
    with pytest.raises(InvalidInput) as caught:
        read_package(path, types={"MomentsSpecification": names["MomentsSpecification"]})
    assert caught.value.reason == "SPECIFICATION_INVALID"


def test_a_searcher_agrees_with_the_exact_one_on_the_nearest(names):
    rng = np.random.default_rng(1)
    mine, ours = names["RandomFeatureSearcher"](), Index()
    for place in range(12):
        specification = specify(rng.normal(place, 1, size=(200, 3)))
        for searcher in (mine, ours):
            searcher.add(f"{place:02}", SemanticSpecification(data_type="Table"), specification)
    mine.remove("11")
    assert len(mine) == 11
    assert "11" not in mine
    task = specify(rng.normal(4, 1, size=(200, 3)))
    query = SemanticSpecification()
    assert mine.search(task, query, limit=1).hits[0].key == ours.search(task, query, limit=1).hits[0].key == "04"


@pytest.mark.parametrize(("steady", "reason"), [(True, ""), (False, "NOT_REPEATABLE")])
def test_a_checker_adds_a_step(names, tmp_path, steady, reason):
    package = read_package(build_package(tmp_path / "model.zip"))
    rng = np.random.default_rng(0)
    sandbox = Answering(lambda X: (X[:, 0] > 0).astype(int) if steady else rng.integers(0, 2, len(X)))
    report = check(package, sandbox, names["AnswersTwiceTheSame"]())
    assert (report.accepted, report.reason) == (steady, reason)
    assert report.steps[-1].name == "repeatable"


def check(package, sandbox, *checkers):
    return run_checks(
        package,
        package.semantic,
        sandbox,
        rng=np.random.default_rng(0),
        on_step=lambda _: None,
        checkers=checkers,
    )


class Odd:
    """A checker that is wrong by itself."""

    def __init__(self, name, error=None):
        self.name, self.error = name, error

    def check(self, subject):
        raise self.error


@pytest.mark.parametrize("checkers", [[Odd("predict")], [Odd("Twice")], [Odd("a"), Odd("a")], [Odd("a", KeyError())]])
def test_a_checker_at_fault_rejects_nobody(tmp_path, checkers):
    package = read_package(build_package(tmp_path / "model.zip"))
    sandbox = Answering(lambda X: (X[:, 0] > 0).astype(int))
    with pytest.raises(Unavailable) as caught:
        check(package, sandbox, *checkers)
    assert caught.value.reason == "CHECKER_FAULT"


def test_a_reuser_takes_members(names):
    def always(value):
        return Answering(lambda X: np.full(len(X), float(value)))

    members = [Member(always(value)) for value in (1, 2, 900)]
    assert names["MedianReuser"](members).fit().predict(np.zeros((3, 2))).tolist() == [2.0, 2.0, 2.0]


def test_the_page_names_every_group(names):
    from tests.packages.extending import PAGE

    for kind in plugins.KINDS:
        assert f'entry-points."{kind.group}"' in PAGE.read_text(encoding="utf-8")
