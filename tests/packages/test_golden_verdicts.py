"""The like of the peer's eight packages, checked in a real sandbox: each gets the verdict that its dock gives."""

from __future__ import annotations

import numpy as np
import pytest

from dock_sandbox import ProcessSandbox, interpreter
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import examine
from learndock.semantic import SemanticSpecification
from tests.packages.golden import EIGHT, VARIANTS, make_golden
from tests.packages.wheels import LocalIndex, rebuild_wheel

CHOSEN = EIGHT | {
    name: VARIANTS[name]
    for name in ("finder_leftovers", "yaml_in_utf16", "tuple", "encoded_twice", "nested_weights", "required_ids")
}

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return {case.name: case for case in make_golden(tmp_path_factory.mktemp("golden"), CHOSEN)}


@pytest.fixture(scope="module")
def _one_python_and_an_index(tmp_path_factory):
    """A machine with the Python of these tests alone, and an index that has numpy and joblib and nothing else."""
    folder = tmp_path_factory.mktemp("index")
    for name in ("numpy", "joblib"):
        rebuild_wheel(name, folder)
    index = LocalIndex(folder)
    patch = pytest.MonkeyPatch()
    patch.setitem(interpreter._found, str(folder), (interpreter.own(),))
    for name, value in {
        "PYENV_ROOT": str(folder),
        "UV_DEFAULT_INDEX": index.url,
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_NO_CONFIG": "1",
    }.items():
        patch.setenv(name, value)
    for name in ("UV_OFFLINE", "UV_FIND_LINKS", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        patch.delenv(name, raising=False)
    yield
    patch.undo()
    index.stop()


@pytest.fixture(scope="module")
def verdict(golden, tmp_path_factory, _one_python_and_an_index):
    folder = tmp_path_factory.mktemp("verdicts")
    (folder / "scratch").mkdir()
    environments = EnvironmentBuilder(folder / "environments")

    def examined(name):
        return examine(
            golden[name].path,
            semantic=SemanticSpecification.from_json(golden[name].semantic),
            runner=ProcessSandbox(),
            environments=environments,
            scratch=folder / "scratch",
            rng=np.random.default_rng(0),
            on_step=lambda _step: None,
        )

    return examined


@pytest.mark.parametrize("name", [name for name, recipe in CHOSEN.items() if recipe.verdict == "accepted"])
def test_accepted(verdict, name):
    result = verdict(name)
    assert result.accepted, f"{result.reason}: {result.reason_text}\n{result.log}"
    assert result.isolation.startswith("bubblewrap")


def test_a_module_that_does_not_exist_is_rejected_with_its_traceback(verdict):
    result = verdict("invalid")
    assert not result.accepted
    assert "a_module_that_nobody_wrote" in result.reason_text + result.log
    assert "Traceback" in result.reason_text + result.log


def test_no_specification_is_refused(verdict):
    result = verdict("no_stat")
    assert (result.accepted, result.reason) == (False, "SPECIFICATION_MISSING")
    assert result.isolation == ""  # nothing was run


def test_absolute_imports_of_a_sibling_are_rejected_with_a_hint(verdict):
    result = verdict("multi_import_old")
    assert (result.accepted, result.reason) == (False, "MODEL_IMPORT_FAILED")
    assert "from .centroids import" in result.reason_text


def test_what_no_index_has_is_left_out_and_named(verdict):
    assert verdict("plain").environment.dropped == ("a-package-that-nobody-published==0.1.3",)


@pytest.mark.parametrize(("name", "asked"), [("old_python", "3.7"), ("conda", "3.9")])
def test_the_nearest_python_is_used_and_said(verdict, name, asked):
    environment = verdict(name).environment
    assert environment.python_version == interpreter.own().name
    if not environment.python_version.startswith(f"{asked}."):
        assert f"Python {asked} is not here" in " ".join(environment.notes)


def test_a_width_that_differs_is_refused_before_anything_runs(golden, verdict):
    golden["narrow"] = type(golden["plain"])(
        "narrow", golden["plain"].path, golden["plain"].semantic | {"Input": {"Dimension": 63, "Description": {}}}
    )
    result = verdict("narrow")
    assert (result.accepted, result.reason, result.isolation) == (False, "SPECIFICATION_WIDTH", "")
