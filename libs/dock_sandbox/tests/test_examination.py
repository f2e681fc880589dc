from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from dock_sandbox import Limits, ProcessSandbox
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import examine, open_model
from learndock.errors import DockError
from learndock.semantic import SemanticSpecification
from tests.packages.models import (
    FIRST_COLUMN_CLASSIFIER,
    PROBABILITY_CLASSIFIER,
    SUM_REGRESSOR,
    build_package,
    table_semantic,
    table_specification,
)

LIMITS = Limits(call_seconds=3.0, wall_seconds=60.0, memory_bytes=1 << 30)
MODEL = """\
import numpy as np, os, time


class Model:
    input_shape, output_shape = (2,), (1,)

    def predict(self, X):
"""


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    return EnvironmentBuilder(tmp_path_factory.mktemp("environments"))


@pytest.fixture
def check(tmp_path, environments):
    def run(*, semantic=None, steps=None, **parts):
        package = build_package(tmp_path / "package.zip", semantic=semantic, **parts)
        return examine(
            package,
            semantic=None,
            runner=ProcessSandbox(),
            environments=environments,
            scratch=tmp_path / "scratch",
            rng=np.random.default_rng(0),
            on_step=(steps if steps is not None else []).append,
            limits=LIMITS,
        )

    return run


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("source", "semantic"),
    [
        (FIRST_COLUMN_CLASSIFIER, table_semantic()),
        (PROBABILITY_CLASSIFIER, table_semantic()),
        (SUM_REGRESSOR, table_semantic(task="Regression")),
    ],
)
def test_good_models_are_accepted(check, tmp_path, source, semantic):
    seen = []
    examination = check(model_source=source, semantic=semantic, steps=seen)
    assert examination.accepted, examination
    assert examination.reason == ""
    assert examination.isolation.startswith("bubblewrap")
    assert [step.name for step in examination.steps] == [
        "package", "environment", "instantiate", "input_shape", "specification", "width", "predict",
        "rows", "output_type", "output_shape", "labels", "points",
    ]  # fmt: skip
    assert {step.status for step in examination.steps} == {"passed"}
    assert [step for step in seen if step.status != "running"] == list(examination.steps)
    assert len(examination.environment.lock_sha256) == 64
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (MODEL + "        raise ValueError('a bad day')\n", "MODEL_RAISED"),
        (MODEL + "        while True:\n            time.sleep(1)\n", "SANDBOX_TIMEOUT"),
        (MODEL + "        while True:\n            os.write(1, b'x' * 1000000)\n", "SANDBOX_LOG_TOO_LARGE"),
        (MODEL + "        return np.ones(8 << 30)\n", "SANDBOX_MEMORY"),
        (MODEL + "        return np.zeros((len(X), 5))\n", "OUTPUT_SHAPE"),
        (MODEL + "        return np.zeros(3)\n", "OUTPUT_ROWS"),
        (MODEL + "        return np.zeros(())\n", "OUTPUT_ROWS"),
        (MODEL + "        return np.full(len(X), 2)\n", "LABELS_OUT_OF_RANGE"),
        (MODEL + "        return np.full(len(X), 0.5)\n", "LABELS_OUT_OF_RANGE"),
        (MODEL + "        return ['yes'] * len(X)\n", "OUTPUT_INVALID"),
        (MODEL + "        os._exit(0)\n", "SANDBOX_DIED"),
        ("import a_module_that_is_not_there\n", "MODEL_IMPORT_FAILED"),
        (MODEL.replace("(2,), (1,)", "(3,), (1,)") + "        return np.zeros(len(X))\n", "INPUT_SHAPE"),
        (MODEL.replace("(2,), (1,)", "(2,), (3,)") + "        return np.zeros((len(X), 3))\n", "OUTPUT_DIMENSION"),
        (MODEL.replace("(2,), (1,)", "(2,), None") + "        return np.zeros(len(X))\n", "OUTPUT_SHAPE"),
    ],
)
def test_bad_models_get_a_reason_that_says_what_to_do(check, source, reason):
    examination = check(model_source=source)
    assert not examination.accepted
    assert examination.reason == reason
    assert examination.steps[-1].status == "failed"
    assert len(examination.reason_text) > len(examination.steps[-1].detail)


@pytest.mark.sandbox
def test_not_finite_is_a_warning_on_random_inputs_and_a_fault_on_the_points(check):
    semantic = table_semantic(task="Regression")
    source = SUM_REGRESSOR.replace("return ", "return np.nan + ")
    examination = check(model_source=source, semantic=semantic)
    assert examination.reason == "OUTPUT_NOT_FINITE"
    assert {step.name: step.status for step in examination.steps}["output_type"] == "warned"


@pytest.mark.sandbox
def test_a_constant_model_is_accepted_with_a_warning(check):
    examination = check(model_source=MODEL + "        return np.zeros(len(X))\n")
    assert examination.accepted
    assert examination.steps[-1].status == "warned"


@pytest.mark.sandbox
def test_the_traceback_is_in_the_log(check):
    examination = check(model_source=MODEL + "        print('before')\n        raise ValueError('a bad day')\n")
    assert "before" in examination.log
    assert "ValueError: a bad day" in examination.log


def test_a_wrong_width_is_found_before_anything_runs(check):
    examination = check(specification=table_specification(3))
    assert examination.reason == "SPECIFICATION_WIDTH"
    assert examination.isolation == ""


def test_without_a_semantic_specification_there_is_nothing_to_check_against(check):
    assert check(semantic=False).reason == "SEMANTIC_MISSING"


@pytest.mark.sandbox
def test_what_cannot_be_had_is_named_and_the_rest_is_checked(check):
    examination = check(requirements=("numpy", "a-package-that-nobody-would-publish==9.9", "learnware==0.3.2"))
    assert examination.accepted
    assert examination.environment.dropped == ("a-package-that-nobody-would-publish==9.9",)
    environment = {step.name: step for step in examination.steps}["environment"]
    assert environment.status == "warned"
    assert "a-package-that-nobody-would-publish" in environment.detail


@pytest.mark.sandbox
def test_an_opened_model_predicts_and_leaves_nothing(tmp_path, environments):
    package = build_package(tmp_path / "package.zip", model_source=SUM_REGRESSOR, kwargs={"factor": 3.0})
    scratch = tmp_path / "scratch"
    with open_model(package, runner=ProcessSandbox(), environments=environments, scratch=scratch) as model:
        assert model.isolation.startswith("bubblewrap")
        np.testing.assert_array_equal(model.predict(np.ones((4, 2))), np.full((4, 1), 6.0))
    assert list(scratch.iterdir()) == []


@pytest.mark.sandbox
def test_a_model_that_does_not_open_leaves_nothing(tmp_path, environments):
    package = build_package(tmp_path / "package.zip", model_source="import a_module_that_is_not_there\n")
    scratch = tmp_path / "scratch"
    with pytest.raises(DockError) as failed:
        open_model(package, runner=ProcessSandbox(), environments=environments, scratch=scratch)
    assert failed.value.reason == "MODEL_IMPORT_FAILED"
    assert list(scratch.iterdir()) == []


@pytest.mark.sandbox
def test_a_sandbox_outlives_the_thread_that_opened_it(tmp_path, environments):
    package = build_package(tmp_path / "package.zip")
    opened = []

    def work():
        opened.append(
            open_model(package, runner=ProcessSandbox(), environments=environments, scratch=tmp_path / "scratch")
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with opened[0] as model:
        assert len(model.predict(np.zeros((3, 2)))) == 3


def test_the_given_semantic_specification_counts(tmp_path, environments):
    package = build_package(tmp_path / "package.zip")
    other = SemanticSpecification.from_json(json.dumps(table_semantic(5)))
    found = examine(
        package, semantic=other, runner=ProcessSandbox(), environments=environments, scratch=tmp_path / "s",
        rng=np.random.default_rng(0), on_step=lambda step: None,
    )  # fmt: skip
    assert found.reason == "SPECIFICATION_WIDTH"
    assert list((tmp_path / "s").iterdir()) == []
