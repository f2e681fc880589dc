"""Whole experiments on small made data: what is found, what is measured, and that it is the same twice."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager

import numpy as np
import pytest
from rich.console import Console

from learndock.errors import InvalidInput
from learndock.experiment import Found, Owner, OwnersMarket, Report, Scenario, TaskOwner, run
from learndock.experiment.compare import OWN, REUSERS, TRUSTED, YARDSTICKS
from learndock.experiment.console import show
from learndock.experiment.tests.stores import STORES, scenario, store
from learndock.reuse import Member
from learndock.specification import specify


@pytest.fixture(scope="module")
def report() -> Report:
    return run(scenario())


def test_every_method_is_measured_at_every_number_of_labels(report):
    assert report.methods == (OWN, *REUSERS, TRUSTED, *YARDSTICKS)
    for method in report.methods:
        for count in report.counts:
            expected = 0 if count == 0 and method in (OWN, "ensemble pruning", "feature augmentation") else 10
            assert len(report.losses(method, count)) == expected, (method, count)


def test_the_search_finds_the_climate_and_never_the_task_itself(report):
    assert report.tasks == tuple(STORES)
    for finding in report.findings:
        assert finding.task not in (finding.best, *finding.members)
        assert STORES[finding.best] == STORES[finding.task]
        assert finding.compared == 4
        assert sum(finding.weights) == pytest.approx(1)


def test_what_is_found_beats_a_random_one_and_few_labels(report):
    # Plain averaging counts a member of the other climate with 2 % of the mixture like any other.
    assert report.mean("averaging", 0) < 0.8 * report.mean("random one", 0)
    for method in ("top-1", "mixture", "job selector"):
        assert report.mean(method, 0) < 0.5 * report.mean("random one", 0)
        assert report.mean(method, 0) < report.mean(OWN, 5)
    assert report.mean("best single", 0) <= report.mean("top-1", 0)
    assert 5 in report.wins("top-1")


def test_means_are_over_tasks_and_spreads_over_seeds(report):
    losses = report.losses(OWN, 5)
    by_seed = [np.mean([loss for (_, seed), loss in losses.items() if seed == each]) for each in (0, 1)]
    assert report.mean(OWN, 5) == pytest.approx(np.mean(by_seed))
    assert report.spread(OWN, 5) == pytest.approx(np.std(by_seed))
    assert report.spread(OWN, 5) > 0
    assert np.isnan(report.mean(OWN, 0))


def test_one_reuser_is_trusted_and_by_rule_below_forty_labels(report):
    for count in report.counts:
        assert len(report.losses(TRUSTED, count)) == 10
    assert report.most_trusted(5) == "job selector"
    assert report.losses(TRUSTED, 5) == report.losses("job selector", 5)
    learnt = [each.method for each in report.figures if each.n_labels == 50 and each.trusted]
    assert set(learnt) <= set(REUSERS)


def test_the_same_scenario_gives_the_same_report(report):
    assert run(scenario()) == report


def test_json_is_complete_and_read_back(report):
    text = json.dumps(report.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == report
    rows = {(each["method"], each["n_labels"]): each["mean"] for each in json.loads(text)["rows"]}
    assert rows["top-1", 0] == report.mean("top-1", 0)


def test_markdown_has_all_methods_and_tasks(report):
    page = report.to_markdown()
    for name in (*report.methods, *report.tasks):
        assert f"| {name} |" in page
    assert "- job selector: " in page


@pytest.mark.parametrize("width", [40, 60, 80, 400])
def test_on_a_terminal_no_line_is_wider_and_no_number_is_missing(report, width):
    written = io.StringIO()
    show(report, Console(file=written, width=width))
    assert max(map(len, written.getvalue().splitlines())) <= width
    assert "…" not in written.getvalue()
    for count in report.counts:
        assert report.cell(OWN, count) in written.getvalue()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_plot_is_written(report, tmp_path, suffix):
    path = report.plot(tmp_path / f"losses{suffix}")
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_progress_counts_owners_and_tasks_to_the_end():
    told = []
    run(scenario(seeds=(0,), labels=(5,)), progress=lambda *each: told.append(each))
    assert [done for done, _, _ in told] == list(range(1, 11))
    assert {total for _, total, _ in told} == {10}
    assert told[-1][2] == "south-3, seed 0"


def digits(**given) -> Scenario:
    """Two classes apart on the first column; one owner saw one class only."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(int)
    owners = [Owner("both", X[:80], y[:80]), Owner("one", X[:80][y[:80] == 1], y[:80][y[:80] == 1])]
    task = TaskOwner("task", X[80:140], X[80:140], y[80:140], X[140:], y[140:])
    said = {"n_classes": 2, "labels": (1, 40), "seeds": (0,), **given}
    return Scenario("two classes", "classification", lambda _: [task], owners, **said)


def test_classification_with_an_owner_of_one_class_and_a_single_label():
    report = run(digits())
    assert report.metric == "error"
    assert report.mean("best single", 0) < 0.15
    assert report.mean(OWN, 40) < report.mean(OWN, 1)


def test_owners_and_task_owners_may_bring_their_own_training():
    class Always:
        def predict(self, X):
            return np.ones(len(X))

    report = run(digits(own=lambda X, y: Always()))
    share = report.mean(OWN, 1)
    assert share == report.mean(OWN, 40)
    assert 0.3 < share < 0.7


class Shelf:
    """A market of one member that is made elsewhere."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = 0

    def predict(self, X):
        self.asked += 1
        return np.asarray(X)[:, 0]

    @contextmanager
    def find(self, task, seed):
        member = Member(self, specification=specify(task.X_unlabelled, random_state=seed), key="own process")
        yield Found(member, [member])
        self.closed += 1


def test_members_may_come_from_any_market_and_are_asked_once_for_all_rows():
    shelf = Shelf()
    report = run(scenario(seeds=(0,), labels=(5, 50)), market=shelf)
    assert shelf.closed == len(STORES)
    assert shelf.asked == len(STORES)
    assert set(YARDSTICKS).isdisjoint(report.methods)
    assert {each.best for each in report.findings} == {"own process"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"labels": ()}, "EXPERIMENT_LABELS"),
        ({"labels": (10, 5)}, "EXPERIMENT_LABELS"),
        ({"labels": (0, 5)}, "EXPERIMENT_LABELS"),
        ({"seeds": ()}, "EXPERIMENT_LABELS"),
        ({"n_classes": None}, "EXPERIMENT_CLASSES"),
        ({"metric": "rmse"}, "METRIC_UNKNOWN"),
    ],
)
def test_terms_that_make_no_sense_are_refused(given, reason):
    with pytest.raises(InvalidInput) as refused:
        run(digits(**given))
    assert refused.value.reason == reason


def test_one_owner_is_no_market():
    table = store("north-1", 0)
    owners = [Owner("a", table.X, table.y)]
    with pytest.raises(InvalidInput) as refused:
        OwnersMarket(Scenario("alone", "regression", lambda _: [], owners))
    assert refused.value.reason == "OWNERS_TOO_FEW"
    with pytest.raises(InvalidInput) as refused:
        OwnersMarket(Scenario("twins", "regression", lambda _: [], owners * 2))
    assert refused.value.reason == "OWNERS_SAME_NAME"


def test_nobody_is_left_to_help():
    table = store("north-1", 0)
    owners = [Owner(name, table.X, table.y) for name in "ab"]
    task = TaskOwner("a", table.X, table.X, table.y, table.X, table.y, frozenset("ab"))
    with pytest.raises(InvalidInput, match="Nobody is left to help a"):
        run(Scenario("apart", "regression", lambda _: [task], owners, labels=(5,), seeds=(0,)))
