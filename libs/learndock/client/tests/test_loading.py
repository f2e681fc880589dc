"""Loading what was found and reusing it: at the same time, in real sandboxes, without those that fail."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import numpy as np
import pytest
from sklearn.base import clone

from dock_sandbox.port import Limits
from learndock.client.found import Found, FoundLearnware, FoundMixture, MixtureMember
from learndock.client.loading import Opened, OpenMembers, local_opener, open_members
from learndock.client.records import LearnwareRecord
from learndock.errors import FailedPrecondition, InvalidInput, NotFound
from learndock.reuse import AveragingReuser, DockWarning, JobSelectorReuser
from tests.packages.models import FIRST_COLUMN_CLASSIFIER, build_package, table_semantic, table_specification

X = np.array([[-1.0, 0.0], [1.0, 0.0], [9.0, 10.0], [11.0, 10.0]])
SLEEPS = FIRST_COLUMN_CLASSIFIER.replace("return (", "import time; time.sleep(3600); return (")
DIES = FIRST_COLUMN_CLASSIFIER.replace("return (", "import os; os._exit(3); return (")
RAISES = FIRST_COLUMN_CLASSIFIER.replace("return (", "raise RuntimeError('not for me'); return (")
MISSING = "import a_module_that_is_not_there\n"


def semantic(*names: str) -> dict:
    document = table_semantic()
    if names:
        document["Output"] = {"Dimension": len(names), "Description": {str(i): name for i, name in enumerate(names)}}
    return document


def record(name: str, *names: str, **other) -> LearnwareRecord:
    return LearnwareRecord(name, 1, content_sha256=name, semantic_json=json.dumps(semantic(*names) | other))


class Waits:
    """Answers once as many as that are asked."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self.barrier = barrier

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.barrier.wait(60)
        return np.zeros(len(X))


def test_all_are_opened_at_once_and_asked_at_once():
    opening, asking = threading.Barrier(4), threading.Barrier(4)

    def opener(record: LearnwareRecord) -> Opened:
        opening.wait(60)
        return Opened(Waits(asking), None, lambda: None, alone=True)

    with open_members([(record(name), 1.0) for name in "abcd"], opener) as members:
        assert (AveragingReuser(members).predict(X) == 0).all()


def test_models_that_are_here_are_asked_one_after_the_other():
    asked = []

    class Notes:
        def predict(self, X: np.ndarray) -> np.ndarray:
            asked.append(threading.current_thread())
            return np.zeros(len(X))

    with open_members([(record(name), 1.0) for name in "ab"], lambda _: Opened(Notes(), None, lambda: None)) as members:
        AveragingReuser(members).predict(X)
    assert asked == [threading.current_thread()] * 2


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def found(cache, tmp_path):
    """What a search would find, of packages made from sources, in real sandboxes."""

    def make(**sources: str) -> Found:
        def pull(record: LearnwareRecord, _: object):
            place = ord(record.learnware_id) - ord("a")
            return build_package(
                tmp_path / f"{record.learnware_id}.zip",
                model_source=sources[record.learnware_id],
                specification=table_specification(centre=10.0 * place, seed=place),
                kwargs={"threshold": 10.0 * place},
            )

        opener = local_opener(cache, pull, limits=Limits(call_seconds=2.0))
        records = [record(name, "down", "up") for name in sources]
        hits = [FoundLearnware(each, 1.0, 0.0) for each in records]
        weights = [0.5, 0.3, 0.2][: len(records)]
        mixture = FoundMixture(tuple(MixtureMember(*each) for each in zip(records, weights, strict=True)), 0.0, 1.0)
        return Found(hits, mixture, loader=lambda chosen, _: open_members(chosen, opener))

    return make


@pytest.mark.sandbox
def test_each_reuser_over_real_sandboxes_in_one_call(found):
    answer = found(a=FIRST_COLUMN_CLASSIFIER, b=FIRST_COLUMN_CLASSIFIER)
    with answer.reuser("job-selector") as reuser:
        assert isinstance(reuser, JobSelectorReuser)
        assert reuser.predict(X).tolist() == [0, 1, 0, 1]
        assert reuser.predict_names(X).tolist() == ["down", "up", "down", "up"]
    with answer.reuser("feature-augmentation") as reuser:
        assert reuser.fit(X, ["down", "up", "down", "up"]).classes_.tolist() == [0, 1]
    with answer.reuser(which="single", mode="vote_by_label") as reuser:
        assert reuser.predict(X).tolist() == [0, 1, 1, 1]
        open_one = reuser.members[0].model
    with pytest.raises(FailedPrecondition):
        open_one.predict(X)


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("source", "reason"), [(SLEEPS, "SANDBOX_TIMEOUT"), (DIES, "SANDBOX_DIED"), (RAISES, "not for me")]
)
def test_one_that_fails_when_it_is_asked_is_left_out_and_said(found, source, reason):
    answer = found(a=FIRST_COLUMN_CLASSIFIER, b=source, c=FIRST_COLUMN_CLASSIFIER)
    with answer.reuser("averaging", weighted=True) as reuser:
        for why in (reason, ""):
            with pytest.warns(DockWarning, match=f"b:1 failed and is left out, the others share its weight.*{why}"):
                shares = reuser.predict_proba(X)[:, 1]
            assert shares == pytest.approx([0, 5 / 7, 5 / 7, 5 / 7])
            assert list(reuser.dropped_) == ["b:1"]


@pytest.mark.sandbox
def test_one_that_does_not_open_is_left_out_and_said(found):
    answer = found(a=FIRST_COLUMN_CLASSIFIER, b=MISSING, c=FIRST_COLUMN_CLASSIFIER)
    with pytest.warns(DockWarning, match="b was left out"), answer.load() as members:
        assert [member.weight for member in members] == pytest.approx([5 / 7, 2 / 7])
        assert JobSelectorReuser(members).select(np.array([[19.0, 20.0], [1.0, 0.0]])).tolist() == [1, 0]
    assert any("b was left out" in note for note in answer.notes)


def opened_here(*records: LearnwareRecord) -> tuple[Found, list[str]]:
    """Found models that run nowhere, and which of them were closed."""
    closed: list[str] = []

    def opener(record: LearnwareRecord) -> Opened:
        return Opened(Waits(threading.Barrier(1)), None, lambda: closed.append(record.learnware_id))

    hits = [FoundLearnware(each, 1.0, 0.0) for each in records]
    return Found(hits, loader=lambda chosen, _: open_members(chosen, opener)), closed


def test_the_task_is_that_of_the_learnwares():
    found, closed = opened_here(record("a", "x", "y"), record("b", "x", "y", "z"))
    reuser = found.reuser("averaging", ["a", "b"])
    assert (reuser.task, reuser.n_classes) == ("classification", 3)
    assert found.reuser(AveragingReuser, ["a"], label_names=["p", "q"]).predict_names(X).tolist() == ["p"] * 4
    reuser.close()
    assert sorted(closed) == ["a", "b"]


class First:
    """A reuser of the simplest kind, as a plug-in may bring one: it knows nothing of closing."""

    def __init__(self, members, *, task, n_classes):
        self.members = members

    def fit(self, X=None, y=None):
        return self

    def predict(self, X):
        return self.members[0].model.predict(X)


def test_a_reuser_that_knows_nothing_of_closing_is_closed_too():
    found, closed = opened_here(record("a"))
    with found.reuser(First) as reuser:
        assert isinstance(reuser, First)
        assert closed == []
    assert closed == ["a"]
    kept = found.reuser(First)
    assert (kept.fit().predict(X) == 0).all()
    kept.close()
    assert closed == ["a", "a"]


def test_what_can_not_be_reused_closes_what_it_opened():
    regression = {"Task": {"Type": "Class", "Values": ["Regression"]}, "Output": {"Dimension": 1, "Description": {}}}
    found, closed = opened_here(record("a"), record("b", **regression))
    with pytest.raises(InvalidInput) as caught:
        found.reuser("averaging", ["a", "b"])
    assert caught.value.reason == "MEMBERS_DIFFER"
    with pytest.raises(NotFound) as caught:
        found.reuser("guessing", ["a"])
    assert (caught.value.reason, closed) == ("PLUGIN_UNKNOWN", ["a"])


def test_copies_share_the_models_and_none_can_be_pickled():
    found, closed = opened_here(record("a"))
    reuser = found.reuser("averaging")
    copied = copy.deepcopy(clone(reuser))
    copied.close()
    assert copied.members[0].model is reuser.members[0].model
    assert closed == []
    with pytest.raises(FailedPrecondition) as caught:
        pickle.dumps(reuser)
    assert caught.value.reason == "MEMBERS_RUNNING"
    assert isinstance(reuser.members, OpenMembers)
