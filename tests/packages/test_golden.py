from __future__ import annotations

import zipfile

import numpy as np
import pytest
import yaml

from learndock.errors import InvalidInput
from learndock.package import check_agreement, extract_package, read_package, repack_package
from learndock.semantic import SemanticSpecification
from tests.packages.golden import CLASSES, EIGHT, VARIANTS, WIDTH, make_golden

ALL = EIGHT | VARIANTS


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return {case.name: case for case in make_golden(tmp_path_factory.mktemp("golden"))}


@pytest.mark.parametrize("name", [name for name, recipe in ALL.items() if not recipe.refused])
def test_what_the_peer_takes_is_taken(golden, name, tmp_path):
    case = golden[name]
    package = read_package(case.path)
    semantic = SemanticSpecification.from_json(case.semantic)
    check_agreement(package, semantic)
    assert (semantic.input_dimension, semantic.output_dimension) == (WIDTH, CLASSES)
    assert package.model.class_name == "Model"
    if package.specification is not None:
        assert package.specification.dimension == WIDTH
        assert np.isclose(package.specification.beta.sum(), 1.0)
    assert case.note in " ".join(package.notes + package.environment.notes)
    unpacked = extract_package(case.path, tmp_path / "out")
    assert (tmp_path / "out" / unpacked.model.module_path).is_file()


@pytest.mark.parametrize("name", [name for name, recipe in ALL.items() if recipe.refused])
def test_what_the_peer_refuses_is_refused_with_the_reason(golden, name):
    with pytest.raises(InvalidInput) as caught:
        read_package(golden[name].path)
    assert caught.value.reason == golden[name].refused


@pytest.mark.parametrize("name", ["plain", "folder", "tuple", "yaml_in_utf16", "finder_leftovers", "zip64"])
def test_repacked_as_a_dock_serves_it(golden, name, tmp_path):
    case = golden[name]
    semantic = SemanticSpecification.from_json(case.semantic)
    out = tmp_path / "served.zip"
    digest = repack_package(case.path, out, learnware_id="00000084", semantic=semantic)
    again = repack_package(out, tmp_path / "again.zip", learnware_id="00000084", semantic=semantic)
    served = read_package(out)
    assert served.sha256 == digest == again
    assert served.semantic == semantic
    assert served.model == read_package(case.path).model
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        document = yaml.load(archive.read("learnware.yaml"), Loader=yaml.FullLoader)
    assert document["id"] == "00000084"
    assert document["semantic_specification"] == {"file_name": "semantic_specification.json"}
    if name == "tuple":
        assert document["model"]["kwargs"]["shape"] == (64,)


def test_an_older_docks_zip_with_two_yamls_is_imported_by_its_last(golden, tmp_path):
    path = golden["two_yamls"].path
    assert read_package(path, duplicates="last").name == "small"
    semantic = SemanticSpecification.from_json(golden["two_yamls"].semantic)
    repack_package(path, tmp_path / "one.zip", learnware_id="7", semantic=semantic, duplicates="last")
    assert read_package(tmp_path / "one.zip").name == "small"


def test_what_the_environments_ask_for(golden):
    def environment(name):
        return read_package(golden[name].path).environment

    assert environment("plain").requirements == ("numpy", "a-package-that-nobody-published==0.1.3")
    assert environment("old_python").python == "3.7"
    assert environment("old_python").requirements == ("numpy", "joblib")
    assert environment("conda").python == "3.9"
    assert environment("conda").requirements == ("numpy",)
    dump = environment("conda_dump")
    assert dump.python == "3.8"
    assert dump.requirements == ("numpy==1.24.3", "torch==1.13.1", "joblib==1.2.0")
    assert sum("left out" in note for note in dump.notes) == 5
    assert environment("requirements_in_utf16").requirements == ("numpy",)
    assert environment("both_environments").source == "environment.yaml"


def test_details_of_the_variants(golden):
    assert read_package(golden["tuple"].path).model.kwargs == {"shape": [64]}
    assert read_package(golden["required_ids"].path).model.required_learnware_ids == ("00002890", "00002891")
    leftovers = read_package(golden["finder_leftovers"].path).files
    assert not [name for name in leftovers if "DS_Store" in name or "MACOSX" in name or name.endswith("~")]
    assert read_package(golden["by_a_dock"].path).semantic.name == "digits by centroids"
    assert read_package(golden["image"].path).specification is None
    assert read_package(golden["plain"].path).specification_entries[0].class_name == "RKMETableSpecification"


def test_a_width_that_differs_from_the_specifications_is_refused(golden):
    semantic = SemanticSpecification.from_json(
        golden["plain"].semantic | {"Input": {"Dimension": WIDTH - 1, "Description": {}}}
    )
    with pytest.raises(InvalidInput) as caught:
        check_agreement(read_package(golden["plain"].path), semantic)
    assert caught.value.reason == "SPECIFICATION_WIDTH"
    assert caught.value.details == {"declared": "63", "found": "64"}
