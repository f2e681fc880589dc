from __future__ import annotations

import io
import json
import os
import resource
import sys
import zipfile

import numpy as np
import pytest

from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable
from learndock.package import (
    PackageLimits,
    check_agreement,
    extract_package,
    pack_folder,
    read_package,
    repack_package,
)
from learndock.semantic import SemanticSpecification
from tests.packages.models import (
    FIRST_COLUMN_CLASSIFIER,
    PROBABILITY_CLASSIFIER,
    SUM_REGRESSOR,
    build_package,
    table_semantic,
    table_specification,
)


def reason_of(path, **options):
    with pytest.raises(InvalidInput) as caught:
        read_package(path, **options)
    assert caught.value.message
    return caught.value.reason


def test_a_package_is_read_from_a_path_a_string_and_an_open_file(tmp_path):
    path = build_package(tmp_path / "a.zip")
    package = read_package(path)
    assert package == read_package(str(path)) or package.sha256 == read_package(str(path)).sha256
    with path.open("rb") as file:
        assert read_package(file).sha256 == package.sha256
        assert not file.closed
    assert read_package(io.BytesIO(path.read_bytes())).size_bytes == path.stat().st_size
    assert package.files == (
        "__init__.py",
        "learnware.yaml",
        "requirements.txt",
        "semantic_specification.json",
        "stat.json",
    )
    assert package.specification.z.shape == (20, 2)
    assert package.semantic.input_description == {0: "x0 (float)", 1: "x1 (float)"}


@pytest.mark.parametrize("source", [FIRST_COLUMN_CLASSIFIER, PROBABILITY_CLASSIFIER, SUM_REGRESSOR])
def test_the_small_models_are_what_they_say(source):
    scope = {}
    exec(compile(source, "model", "exec"), scope)
    model = scope["Model"](width=3)
    X = np.random.default_rng(0).normal(size=(7, 3))
    out = np.asarray(model.predict(X))
    assert out.reshape(len(out), -1).shape == (7, *model.output_shape)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"specification": False}, "SPECIFICATION_MISSING"),
        ({"specification": "no json"}, "SPECIFICATION_INVALID"),
        ({"specification": table_specification() | {"beta": [float("nan")] * 20}}, "SPECIFICATION_INVALID"),
        ({"specification_class": "system"}, "SPECIFICATION_CLASS_UNKNOWN"),
        ({"semantic": table_semantic() | {"Data": {"Values": ["Tables"]}}}, "SEMANTIC_INVALID"),
        ({"semantic": "{"}, "SEMANTIC_INVALID"),
        ({"requirements": None}, "ENVIRONMENT_MISSING"),
        ({"requirements": ["-r x"]}, "REQUIREMENT_REFUSED"),
        ({"requirements": None, "environment_yaml": "channels: ['http://x']"}, "CHANNEL_REFUSED"),
        ({"requirements": None, "environment_yaml": "a: &x 1"}, "YAML_ALIAS"),
        ({"module_path": "x.py", "extra": {"learnware.yaml": "model: {module_path: y.py}"}}, "MODULE_MISSING"),
        ({"extra": {"learnware.yaml": "a: !!python/name:os.system"}}, "YAML_TAG"),
        ({"extra": {"learnware.yaml": "x" * 70_000}}, "YAML_INVALID"),
    ],
)
def test_a_wrong_package_is_refused_and_nothing_is_written(tmp_path, parts, expected):
    path = build_package(tmp_path / "in" / "a.zip", **parts)
    assert reason_of(path) == expected
    with pytest.raises(InvalidInput):
        extract_package(path, tmp_path / "out" / "here")
    assert not (tmp_path / "out").exists()


def test_paths_that_are_no_zip(tmp_path):
    with pytest.raises(NotFound) as caught:
        read_package(tmp_path / "none.zip")
    assert caught.value.reason == "PACKAGE_NOT_FOUND"
    assert reason_of(tmp_path) == "PACKAGE_IS_FOLDER"


def test_nothing_of_a_package_is_imported_compiled_or_run(tmp_path):
    boom = "raise SystemExit('run')"
    path = build_package(
        tmp_path / "a.zip",
        model_source=boom,
        module_path="a_model_that_explodes.py",
        extra={"numpy.py": boom, "sitecustomize.py": boom, "setup.py": boom},
    )
    seen: list[str] = []
    watching = [True]

    def hook(event, arguments):
        if watching[0] and event in {"import", "exec", "compile", "subprocess.Popen", "os.system", "socket.connect"}:
            seen.append(f"{event} {arguments[0]}")

    read_package(path)  # Whatever of ours is loaded late is loaded now.
    sys.addaudithook(hook)
    try:
        read_package(path)
        extract_package(path, tmp_path / "out")
    finally:
        watching[0] = False
    assert not [line for line in seen if str(tmp_path) in line or "explodes" in line or not line.startswith("import")]


def test_unpacked_files_have_plain_modes_and_the_right_bytes(tmp_path):
    path = tmp_path / "a.zip"
    files = zipfile.ZipFile(build_package(tmp_path / "b.zip"))
    with files, zipfile.ZipFile(path, "w") as archive:
        for name in files.namelist():
            info = zipfile.ZipInfo(f"top/{name}")
            info.external_attr = 0o106777 << 16
            archive.writestr(info, files.read(name))
        archive.writestr("top/deep/er/w.bin", b"\0\1")
    extract_package(path, tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "er" / "w.bin").read_bytes() == b"\0\1"
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 6
    assert all(path.stat().st_mode & 0o7133 == 0 for path in files)


def test_unpacking_is_all_or_nothing(tmp_path):
    path = build_package(tmp_path / "a.zip", extra={"weights": os.urandom(9000)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        data[archive.getinfo("weights").header_offset + 4000] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(InvalidInput) as caught:
        extract_package(path, tmp_path / "to" / "out")
    assert caught.value.reason == "ZIP_CORRUPT"
    assert list((tmp_path / "to").iterdir()) == []


def test_unpacking_needs_a_place_of_its_own(tmp_path):
    path = build_package(tmp_path / "a.zip")
    (tmp_path / "empty").mkdir()
    extract_package(path, tmp_path / "empty")
    with pytest.raises(FailedPrecondition) as caught:
        extract_package(path, tmp_path / "empty")
    assert caught.value.reason == "FOLDER_NOT_EMPTY"


def test_a_host_that_cannot_write_is_the_hosts_fault(tmp_path):
    path = build_package(tmp_path / "a.zip", extra={"weights": os.urandom(1 << 20)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))
    try:
        with pytest.raises(Unavailable) as caught:
            extract_package(path, tmp_path / "to" / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.reason == "STORAGE_FAILED"
    assert list((tmp_path / "to").iterdir()) == []


def test_packing_gives_the_same_bytes_whatever_the_times_the_order_and_the_leftovers(tmp_path):
    folder = build_package(tmp_path / "one", extra={"b/x.bin": b"1", "a.txt": "2"})
    other = build_package(tmp_path / "two", extra={"a.txt": "2", "b/x.bin": b"1"})
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "x.pyc").write_bytes(b"0")
    (other / "x.py~").write_text("old")
    (other / ".DS_Store").write_bytes(b"0")
    os.utime(other / "a.txt", (0, 0))
    (other / "a.txt").chmod(0o777)
    digest = pack_folder(folder, tmp_path / "one.zip")
    assert digest == pack_folder(other, other / "inside.zip")
    assert digest == pack_folder(other, other / "inside.zip")
    package = read_package(tmp_path / "one.zip")
    assert package.sha256 == digest
    assert "b/x.bin" in package.files


def test_packing_refuses_links_and_folders_without_a_yaml(tmp_path):
    folder = build_package(tmp_path / "f")
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput) as caught:
        pack_folder(folder, tmp_path / "out.zip")
    assert caught.value.reason == "ZIP_SYMLINK"
    (tmp_path / "bare").mkdir()
    with pytest.raises(InvalidInput) as caught:
        pack_folder(tmp_path / "bare", tmp_path / "out.zip")
    assert caught.value.reason == "YAML_MISSING"
    with pytest.raises(NotFound):
        pack_folder(tmp_path / "none", tmp_path / "out.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "f"]


def test_a_repack_that_fails_leaves_what_was_there(tmp_path):
    path = build_package(tmp_path / "a.zip", extra={"weights": os.urandom(9000)})
    semantic = SemanticSpecification.from_json(table_semantic())
    out = tmp_path / "served" / "a.zip"
    digest = repack_package(path, out, learnware_id="1", semantic=semantic)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        data[archive.getinfo("weights").header_offset + 4000] ^= 0xFF
    with pytest.raises(InvalidInput):
        repack_package(io.BytesIO(bytes(data)), out, learnware_id="2", semantic=semantic)
    assert read_package(out).sha256 == digest
    assert [entry.name for entry in out.parent.iterdir()] == ["a.zip"]


def test_repacking_keeps_every_other_byte(tmp_path):
    weights = os.urandom(100_000)
    path = build_package(tmp_path / "a.zip", extra={"w/weights.bin": weights, "empty": b""})
    semantic = SemanticSpecification.from_json(table_semantic(name="another name"))
    repack_package(path, tmp_path / "b.zip", learnware_id="00000017", semantic=semantic)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.read("w/weights.bin") == weights
        assert archive.read("empty") == b""
        assert json.loads(archive.read("semantic_specification.json"))["Name"]["Values"] == "another name"
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        (table_semantic(3), "SPECIFICATION_WIDTH"),
        (table_semantic() | {"Data": {"Values": ["Image"]}}, "SPECIFICATION_DATA_TYPE"),
        (table_semantic() | {"Model": {"Values": ["PEFT Model"]}}, "REQUIRED_LEARNWARES_MISSING"),
    ],
)
def test_contradictions_between_package_and_semantic_specification(tmp_path, semantic, expected):
    package = read_package(build_package(tmp_path / "a.zip"))
    with pytest.raises(InvalidInput) as caught:
        check_agreement(package, SemanticSpecification.from_json(semantic))
    assert caught.value.reason == expected


def test_a_text_generator_brings_its_weights(tmp_path):
    semantic = SemanticSpecification.from_json(
        table_semantic() | {"Data": {"Values": ["Text"]}, "Task": {"Values": ["Text Generation"]}}
    )
    parts = {"specification": "{}", "specification_class": "GenerativeModelSpecification"}
    with pytest.raises(InvalidInput) as caught:
        check_agreement(read_package(build_package(tmp_path / "a.zip", **parts)), semantic)
    assert caught.value.reason == "WEIGHTS_MISSING"
    package = read_package(build_package(tmp_path / "b.zip", extra={"weights/a.safetensors": b""}, **parts))
    check_agreement(package, semantic)
    assert package.specification is None
    assert "SPECIFICATION_TYPE_UNSUPPORTED" in package.notes[0]


def test_a_specification_larger_than_the_limit_is_not_even_read(tmp_path):
    path = build_package(tmp_path / "a.zip")
    assert reason_of(path, limits=PackageLimits(spec_bytes=100)) == "SPECIFICATION_INVALID"
    assert reason_of(path, limits=PackageLimits(semantic_bytes=100)) == "SEMANTIC_INVALID"
    assert reason_of(path, limits=PackageLimits(yaml_bytes=10)) == "YAML_INVALID"
    assert reason_of(path, limits=PackageLimits(yaml_nodes=5)) == "YAML_INVALID"
    assert reason_of(path, limits=PackageLimits(requirement_bytes=3)) == "ENVIRONMENT_INVALID"


def test_a_semantic_specification_that_is_named_and_absent_may_come_apart(tmp_path):
    path = build_package(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "b.zip", "w") as other:
        for name in archive.namelist():
            if name != "semantic_specification.json":
                other.writestr(name, archive.read(name))
    package = read_package(tmp_path / "b.zip")
    assert package.semantic is None
    assert "SEMANTIC_MISSING" in package.notes[0]
    semantic = SemanticSpecification.from_json(table_semantic())
    repack_package(tmp_path / "b.zip", tmp_path / "c.zip", learnware_id="1", semantic=semantic)
    assert read_package(tmp_path / "c.zip").semantic == semantic
