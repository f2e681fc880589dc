from __future__ import annotations

import numpy as np
import pytest

from learndock.check import run_checks
from learndock.errors import FailedPrecondition, Unavailable
from learndock.package import Package
from learndock.package.parts import EnvironmentRequest, ModelEntry, SpecificationEntry
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from tests.packages.models import table_semantic, table_specification

ORDER = (
    "instantiate", "input_shape", "specification", "width", "predict", "rows", "output_type", "output_shape",
    "labels", "points",
)  # fmt: skip


class Local:
    """A model in this process, with the two calls that the checks make."""

    def __init__(self, predict, input_shape=(2,), output_shape=(1,)):
        self._predict = predict
        self._shapes = {
            "input_shape": None if input_shape is None else list(input_shape),
            "output_shape": None if output_shape is None else list(output_shape),
        }
        self.seen = []

    def instantiate(self):
        return {**self._shapes, "has_fit": False, "has_finetune": False}

    def predict(self, inputs):
        self.seen.append(inputs)
        return self._predict(inputs)


def package(specification=None, class_name="RKMETableSpecification"):
    return Package(
        name="p",
        model=ModelEntry(),
        specification_entries=(SpecificationEntry(class_name, "stat.json"),),
        specification=specification,
        semantic=None,
        environment=EnvironmentRequest("", (), "requirements.txt"),
        files=(),
        sha256="",
        size_bytes=0,
    )


def table(width=2):
    return package(TableSpecification.from_json(table_specification(width)))


def semantic(data="Table", **words):
    document = table_semantic(**words)
    document["Data"]["Values"] = [data]
    return SemanticSpecification.from_json(document)


def checked(model, *, of=None, by=None, seed=0, seen=None):
    steps = [] if seen is None else seen
    return run_checks(of or table(), by or semantic(), model, rng=np.random.default_rng(seed), on_step=steps.append)


def labels(X):
    return (X[:, 0] > 0).astype(int)


def test_a_good_model_passes_all_steps_in_order():
    seen = []
    report = checked(Local(labels), seen=seen)
    assert report.accepted
    assert tuple(step.name for step in report.steps) == ORDER
    assert all(step.status == "passed" for step in report.steps)
    assert [step.status for step in seen] == ["running", "passed"] * len(ORDER)


def test_batches_differ_in_size_and_content():
    sizes, firsts = set(), set()
    for seed in range(20):
        model = Local(labels)
        checked(model, seed=seed)
        sizes.add(len(model.seen[0]))
        firsts.add(float(model.seen[0][0, 0]))
    assert min(sizes) >= 10
    assert len(sizes) > 5
    assert len(firsts) == 20


def test_the_first_failure_ends_the_checks():
    model = Local(labels, input_shape=(3,))
    report = checked(model)
    assert (report.accepted, report.reason) == (False, "INPUT_SHAPE")
    assert report.steps[-1].name == "input_shape"
    assert model.seen == []


def test_points_of_another_width_are_refused():
    assert checked(Local(labels), of=table(3)).reason == "SPECIFICATION_WIDTH"


def test_a_table_needs_a_table_specification():
    assert checked(Local(labels), of=package()).reason == "SPECIFICATION_MISSING"


@pytest.mark.parametrize(
    ("predict", "shape", "words", "reason"),
    [
        (lambda X: labels(X)[:5], (1,), {}, "OUTPUT_ROWS"),
        (lambda X: np.float64(3), (1,), {}, "OUTPUT_ROWS"),
        (lambda X: np.zeros((len(X), 2)), (1,), {}, "OUTPUT_SHAPE"),
        (lambda X: np.zeros((len(X), 1, 1)), (1,), {}, "OUTPUT_SHAPE"),
        (lambda X: np.zeros(len(X)), None, {}, "OUTPUT_SHAPE"),
        (lambda X: labels(X) * 2, (1,), {}, "LABELS_OUT_OF_RANGE"),
        (lambda X: labels(X) - 1, (1,), {}, "LABELS_OUT_OF_RANGE"),
        (lambda X: labels(X) * 0.5, (1,), {}, "LABELS_OUT_OF_RANGE"),
        (lambda X: np.full(len(X), np.nan), (1,), {}, "LABELS_OUT_OF_RANGE"),
        (lambda X: np.zeros((len(X), 3)), (3,), {}, "OUTPUT_DIMENSION"),
        (lambda X: np.zeros((len(X), 2)), (2,), {"task": "Regression"}, "OUTPUT_DIMENSION"),
        (lambda X: X[:, 0] / 0.0, (1,), {"task": "Regression"}, "OUTPUT_NOT_FINITE"),
    ],
)
def test_each_rule_has_its_reason_and_says_what_next(predict, shape, words, reason):
    with np.errstate(all="ignore"):
        report = checked(Local(predict, output_shape=shape), by=semantic(**words))
    assert report.reason == reason
    assert report.reason_text.startswith(report.steps[-1].detail)
    assert len(report.reason_text) > len(report.steps[-1].detail)


def test_rules_hold_on_the_points_too():
    points = TableSpecification.from_json(table_specification(2, centre=9.0))
    report = checked(Local(lambda X: np.where(X[:, 0] > 5, 7, 0)), of=package(points))
    assert report.reason == "LABELS_OUT_OF_RANGE"
    assert report.steps[-1].name == "points"


def test_a_column_may_come_as_one_number_a_row():
    assert checked(Local(lambda X: labels(X)[:, None])).accepted
    assert checked(Local(lambda X: X.sum(axis=1)), by=semantic(task="Regression")).accepted


def test_probabilities_have_a_column_for_each_class():
    def predict(X):
        p = 1 / (1 + np.exp(-X[:, 0]))
        return np.stack([1 - p, p], axis=1)

    assert checked(Local(predict, output_shape=(2,))).accepted


def test_a_constant_answer_is_a_warning():
    report = checked(Local(lambda X: np.zeros(len(X))))
    assert report.accepted
    assert report.steps[-1].status == "warned"


@pytest.mark.parametrize(
    ("data", "shape", "specification_class"),
    [
        ("Image", (3, 8, 8), "RKMEImageSpecification"),
        ("Image", (3, None, None), "RKMEImageSpecification"),
        ("Image", None, "RKMEImageSpecification"),
        ("Text", None, "RKMETextSpecification"),
    ],
)
def test_other_data_gets_inputs_of_its_kind(data, shape, specification_class):
    model = Local(lambda inputs: np.zeros(len(inputs)), input_shape=shape)
    report = checked(model, of=package(None, specification_class), by=semantic(data))
    assert report.accepted, report
    inputs = model.seen[0]
    if data == "Text":
        assert all(isinstance(text, str) and text for text in inputs)
    else:
        assert inputs.ndim == 4
        assert inputs.min() >= 0
        assert inputs.max() <= 254
    statuses = {step.name: step.status for step in report.steps}
    assert statuses["width"] == statuses["points"] == "skipped"


def test_the_models_own_fault_is_its_verdict_and_the_hosts_is_raised():
    def fails(error):
        def predict(X):
            raise error

        return Local(predict)

    report = checked(fails(FailedPrecondition("It raised.", reason="MODEL_RAISED", hint="Mend it.")))
    assert (report.reason, report.reason_text) == ("MODEL_RAISED", "It raised. Mend it.")
    with pytest.raises(Unavailable):
        checked(fails(Unavailable("The disk is full.", reason="STORAGE_FULL")))
