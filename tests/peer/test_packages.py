"""Packages go both ways: what our tools pack the peer loads and checks, and its model answers the same."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import learndock as ld
from learndock.package import pack_folder, repack_package
from learndock.semantic import SemanticSpecification
from tests.packages.golden import EIGHT, VARIANTS, make_golden
from tests.packages.models import PROBABILITY_CLASSIFIER, SUM_REGRESSOR, build_package, package_files, table_semantic

MODELS = {
    "labels": ({}, table_semantic()),
    "probabilities": ({"model_source": PROBABILITY_CLASSIFIER}, table_semantic()),
    "numbers": ({"model_source": SUM_REGRESSOR, "kwargs": {"factor": 3.0}}, table_semantic(task="Regression")),
}
REFUSED_THERE = {"invalid", "multi_import_old", "no_stat", "two_yamls", "image", "stat_with_bom"}
"""What the peer's own loader or checks do not take: its reader of specifications knows no byte order mark, for one."""


def answers_of(folder, X):
    """What the package's class answers when it is imported here, with our shim in the place of the peer."""
    import importlib.util
    import sys
    from pathlib import Path

    from learndock import runtime

    shim = str(Path(runtime.__file__).parent / "shim")
    document = json.loads((folder / "expected.json").read_text())
    sys.path.insert(0, shim)
    try:
        spec = importlib.util.spec_from_file_location(
            "packed_model", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules["packed_model"] = module
        spec.loader.exec_module(module)
        return np.asarray(module.Model(**document["kwargs"]).predict(X))
    finally:
        sys.path.remove(shim)
        for name in [each for each in sys.modules if each.partition(".")[0] in ("packed_model", "learnware")]:
            del sys.modules[name]


def unpacked(zipped, folder):
    package = ld.extract_package(zipped, folder)
    kwargs = {key: tuple(value) if isinstance(value, list) else value for key, value in package.model.kwargs.items()}
    (folder / "expected.json").write_text(json.dumps({"kwargs": kwargs}))
    return folder


def check_loaded(peer, folder, X, *, specification=True):
    arrays, out = peer.put("inputs", X=X), peer.path("answers")
    said = peer.ask("load_learnware", folder=str(folder), arrays=arrays, out=out)
    np.testing.assert_array_equal(peer.get("answers")["y"], answers_of(folder, X))
    assert said["semantic"][0] >= 0, said["semantic"][1]
    if specification:
        assert said["stat"][0] > 0, said["stat"][1]
        assert said["specifications"] == ["RKMETableSpecification"]
    return said


@pytest.mark.parametrize("name", MODELS)
def test_what_we_pack_loads_there_and_answers_the_same(peer, name, tmp_path):
    parts, semantic = MODELS[name]
    rng = np.random.default_rng(3)
    specification = ld.specify(rng.normal(size=(300, 2)))
    source = tmp_path / "source"
    source.mkdir()
    for file, data in package_files(**parts, semantic=semantic, specification=specification).items():
        (source / file).write_bytes(data)
    document = (source / "learnware.yaml").read_text()
    assert "semantic_specification" in document
    pack_folder(source, tmp_path / "packed.zip")
    check_loaded(peer, unpacked(tmp_path / "packed.zip", tmp_path / "out"), rng.normal(size=(40, 2)))


def test_what_a_dock_serves_loads_there(peer, tmp_path):
    source = build_package(tmp_path / "sent.zip")
    semantic = SemanticSpecification.from_json(table_semantic())
    repack_package(source, tmp_path / "served.zip", learnware_id="00000084", semantic=semantic)
    check_loaded(
        peer, unpacked(tmp_path / "served.zip", tmp_path / "out"), np.random.default_rng(0).normal(size=(9, 2))
    )


def test_what_dock_init_writes_loads_there(peer, tmp_path):
    import joblib
    from click.testing import CliRunner
    from sklearn.naive_bayes import GaussianNB  # its pickle is read by many releases

    from learndock.cli.main import dock

    rng = np.random.default_rng(8)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    estimator = GaussianNB().fit(X, y)
    joblib.dump(estimator, tmp_path / "model.joblib")
    lines = [f"{a},{b},{c},{label}" for (a, b, c), label in zip(X, y, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,c,label", *lines]) + "\n")
    parts = ["--model", tmp_path / "model.joblib", "--data", tmp_path / "data.csv", "--target", "label"]
    words = ["--scenario", "Education", "--license", "MIT", "--description", "two classes of three columns"]
    written = CliRunner().invoke(dock, ["init", str(tmp_path / "made.zip"), *map(str, parts), *words])
    assert written.exit_code == 0, written.output
    folder = unpacked(tmp_path / "made.zip", tmp_path / "out")
    said = peer.ask("load_learnware", folder=str(folder), arrays=peer.put("inputs", X=X), out=peer.path("answers"))
    np.testing.assert_allclose(peer.get("answers")["y"], estimator.predict_proba(X), atol=1e-12)
    assert said["semantic"][0] >= 0, said["semantic"][1]
    assert said["stat"][0] > 0, said["stat"][1]


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    return {case.name: case for case in make_golden(folder, EIGHT | VARIANTS) if not case.refused}


@pytest.mark.parametrize("name", sorted(set(EIGHT | VARIANTS) - REFUSED_THERE))
def test_golden_packages_repacked_by_us_load_there(peer, golden, name, tmp_path):
    """The likes of the peer's own packages come out of our reading and repacking as the peer knows them."""
    case = golden[name]
    semantic = SemanticSpecification.from_json(case.semantic)
    repack_package(case.path, tmp_path / "served.zip", learnware_id="00000084", semantic=semantic)
    X = np.random.default_rng(0).normal(size=(10, 64))
    check_loaded(peer, unpacked(tmp_path / "served.zip", tmp_path / "out"), X)


def test_the_goldens_are_like_the_peers(peer, golden, tmp_path):
    """As they are sent, not yet through our hands, the peer loads them too: they are its format, not ours."""
    with zipfile.ZipFile(golden["plain"].path) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "semantic_specification.json").write_text(json.dumps(golden["plain"].semantic))
    (tmp_path / "expected.json").write_text(json.dumps({"kwargs": {}}))
    check_loaded(peer, tmp_path, np.random.default_rng(0).normal(size=(10, 64)))
