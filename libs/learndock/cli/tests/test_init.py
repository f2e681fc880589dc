"""`dock init`: what a model's file tells without being unpickled, and what is written."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
import zipfile

import numpy as np
import pytest

from learndock.cli.model_file import inspect_model
from learndock.errors import InvalidInput
from learndock.package import pack_folder, read_package

joblib = pytest.importorskip("joblib")
sklearn = pytest.importorskip("sklearn")


def _fitted(kind: str):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    models = {
        "forest": RandomForestClassifier(5, random_state=0),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "svc": LinearSVC(),
        "ridge": make_pipeline(StandardScaler(), Ridge()),
    }
    return models[kind].fit(X, y)


def _load(folder):
    spec = importlib.util.spec_from_file_location("scaffolded", folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scaffolded"] = module
    spec.loader.exec_module(module)
    return module.Model()


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize(
    ("kind", "name", "classifies"),
    [
        ("forest", "RandomForestClassifier", True),
        ("pipeline", "LogisticRegression", True),
        ("ridge", "Ridge", False),
        ("svc", "LinearSVC", True),
    ],
)
def test_a_joblib_file_tells_what_it_is(tmp_path, kind, name, classifies, compress):
    joblib.dump(_fitted(kind), tmp_path / "m.joblib", compress=compress)
    told = inspect_model(tmp_path / "m.joblib")
    assert (told.framework, told.class_name, told.classifies) == ("sklearn", name, classifies)
    assert (told.version, told.inputs) == (sklearn.__version__, 2)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_pickles_of_every_protocol_tell_the_same(tmp_path, protocol):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(_fitted("pipeline"), protocol=protocol))
    told = inspect_model(tmp_path / "m.pkl")
    assert (told.class_name, told.version, told.inputs) == ("LogisticRegression", sklearn.__version__, 2)


class _Bomb:
    def __reduce__(self):
        return (exec, ("raise AssertionError('it was unpickled')",))


def test_a_pickle_is_never_loaded_here(type_in, tmp_path, flowers):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(_Bomb()))
    done = type_in("init", "out", "--model", "m.pkl", "--data", flowers, "--target", "kind")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "m.pkl").read_bytes() == (tmp_path / "m.pkl").read_bytes()


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x78\x9c", b"sklearn"])
def test_odd_files_are_told_nothing_about_or_refused(type_in, tmp_path, content):
    (tmp_path / "m.pkl").write_bytes(content)
    done = type_in("init", "out", "--model", "m.pkl", "--inputs", 2, "--classes", 2)
    assert done.exit_code in (0, 2), done.output


@pytest.mark.parametrize("kind", ["forest", "pipeline", "svc"])
def test_a_scaffolded_classifier_answers_with_a_column_a_class(type_in, tmp_path, kind):
    joblib.dump(_fitted(kind), tmp_path / "m.joblib")
    done = type_in("init", "out", "--model", "m.joblib", "--classes", 5)
    assert done.exit_code == 0, done.output
    answer = _load(tmp_path / "out").predict(np.zeros((4, 2)))
    assert answer.shape == (4, 5)
    np.testing.assert_allclose(answer.sum(axis=1), 1)
    assert not answer[:, 3:].any()


def test_a_scaffolded_regressor_answers_with_a_column(type_in, tmp_path):
    joblib.dump(_fitted("ridge"), tmp_path / "m.joblib")
    done = type_in("init", "out", "--model", "m.joblib")
    assert done.exit_code == 0, done.output
    assert "Regression" in done.stderr
    assert _load(tmp_path / "out").predict(np.zeros((4, 2))).shape == (4, 1)


def test_everything_known_goes_into_the_package(type_in, tmp_path, flowers):
    joblib.dump(_fitted("forest"), tmp_path / "m.joblib")
    done = type_in(
        "init", "out", "--model", "m.joblib", "--data", flowers, "--target", "kind", "--classes", 3,
        "--scenario", "nature", "--license", "mit", "--name", "Flowers", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    semantic = json.loads(done.stdout)["semantic_specification"]
    assert semantic["Input"]["Description"] == {"0": "length (float)", "1": "width (float)"}
    assert semantic["Output"]["Description"] == {"0": "class big", "1": "class small"}
    assert semantic["Scenario"]["Values"] == ["Nature"]
    assert semantic["License"]["Values"] == ["MIT"]
    assert f"scikit-learn=={sklearn.__version__}" in (tmp_path / "out" / "requirements.txt").read_text()
    pack_folder(tmp_path / "out", tmp_path / "out.zip")
    package = read_package(tmp_path / "out.zip")
    assert package.specification.dimension == 2
    assert package.semantic.name == "Flowers"


def test_a_folder_of_code_keeps_its_own_files(package):
    assert "self.output_shape = (2,)" in (package / "__init__.py").read_text()


def test_a_zip_is_written_as_a_zip(type_in, tmp_path, flowers):
    done = type_in("init", "out.zip", "--data", flowers, "--target", "kind")
    assert done.exit_code == 0, done.output
    assert "learnware.yaml" in zipfile.ZipFile(tmp_path / "out.zip").namelist()
    assert type_in("init", "out.zip", "--data", flowers, "--target", "kind").exit_code == 2


@pytest.mark.parametrize("scripted", [True, False])
def test_torch_files_are_told_apart_without_torch(type_in, tmp_path, scripted):
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"")
        if scripted:
            archive.writestr("net/code/__torch__.py", b"")
    done = type_in("init", "out", "--model", "net.pt", "--inputs", 3, "--classes", 2)
    assert done.exit_code == 0, done.output
    source = (tmp_path / "out" / "__init__.py").read_text()
    assert ("torch.jit.load" in source) is scripted
    assert "torch" in (tmp_path / "out" / "requirements.txt").read_text()


def test_the_empty_scaffold_says_what_is_still_to_do(type_in, tmp_path):
    done = type_in("init", "out", "--inputs", 4, "--classes", 3)
    assert done.exit_code == 0
    assert "__init__.py" in done.stderr
    assert "dock spec" in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["out"], "INPUTS_UNKNOWN"),
        (["out", "--inputs", "4"], "OUTPUTS_UNKNOWN"),
        (["out", "--data", "flowers.csv", "--target", "kind", "--inputs", "4"], "INPUTS_DIFFER"),
        (["out", "--data", "flowers.csv"], "DATA_NOT_NUMERIC"),
        (["full", "--inputs", "4", "--classes", "2"], "FOLDER_NOT_EMPTY"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(type_in, tmp_path, flowers, words, reason):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    done = type_in("init", *words)
    assert done.exit_code == 2
    assert reason in done.stderr
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_model_of_another_kind_is_refused(tmp_path):
    (tmp_path / "m.h5").write_bytes(b"")
    with pytest.raises(InvalidInput) as refused:
        inspect_model(tmp_path / "m.h5")
    assert refused.value.reason == "MODEL_FILE_UNKNOWN"


def test_an_unknown_word_is_met_with_the_nearest(type_in):
    done = type_in("init", "out", "--scenario", "helth")
    assert done.exit_code == 2
    assert "Health" in done.stderr
