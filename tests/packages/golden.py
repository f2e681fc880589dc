"""The like of the eight packages that the peer tests its docks with, and variants that tools in the wild make."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.packages.models import package_files, table_semantic, table_specification

WIDTH, CLASSES = 64, 10

CENTROID_MODEL = """\
import os

import numpy as np
from learnware.model import BaseModel


class Model(BaseModel):
    def __init__(self):
        super().__init__(input_shape=(64,), output_shape=(10,))
        folder = os.path.dirname(os.path.abspath(__file__))
        self.centroids = np.load(os.path.join(folder, "{weights}"))

    def fit(self, X, y):
        pass

    def predict(self, X):
        return -((np.asarray(X)[:, None, :] - self.centroids[None]) ** 2).sum(axis=2)

    def finetune(self, X, y):
        pass
"""
IMPORTS_NOTHING_THERE = "import a_module_that_nobody_wrote\n\n" + CENTROID_MODEL
RELATIVE = "from .inner.centroids import CentroidModel as Model\n"
ABSOLUTE = "from centroids import CentroidModel as Model\n"
INNER = CENTROID_MODEL.replace("class Model", "class CentroidModel")

CONDA_DUMP = """\
name: digits
channels:
  - conda-forge
  - defaults
dependencies:
  - _libgcc_mutex=0.1=main
  - ca-certificates=2023.05.30=h06a4308_0
  - conda-forge::numpy=1.24.3=py38h14f4228_1
  - openssl=1.1.1k=h27cfd23_0
  - pip=23.1.2=py38h06a4308_0
  - python=3.8.16=h7a1cb2a_3
  - pytorch=1.13.1=py3.8_cpu_0
  - vs2015_runtime=14.27.29016=h5e58377_2
  - pip:
      - joblib==1.2.0
      - learnware==0.1.0.999
prefix: /home/somebody/anaconda3/envs/digits
"""


@dataclass(frozen=True)
class Golden:
    """One package and what must become of it."""

    name: str
    path: Path
    semantic: dict[str, Any]
    refused: str = ""
    """Reason of the refusal when it is read; "" where it is taken."""
    verdict: str = "accepted"
    """Of the check in a sandbox: "accepted", "rejected", or "" where there is none or either will do."""
    note: str = ""
    """A word that the package's or its environment's notes hold."""


@dataclass
class Recipe:
    """How a package differs from the plain one."""

    refused: str = ""
    verdict: str = "accepted"
    note: str = ""
    parts: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, bytes]], Mapping[str, bytes] | None] = lambda _: None
    write: Callable[[Mapping[str, bytes]], bytes] | None = None
    semantic: Callable[[dict[str, Any]], dict[str, Any]] = lambda semantic: semantic


def digits_semantic() -> dict[str, Any]:
    return table_semantic(WIDTH, outputs=CLASSES, name="digits by centroids")


def centroids() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(7).normal(size=(CLASSES, WIDTH)))
    return buffer.getvalue()


def plain_files(**parts: Any) -> dict[str, bytes]:
    """A package as uploaders send it: no semantic specification inside."""
    defaults = {
        "model_source": CENTROID_MODEL.replace("{weights}", "centroids.npy"),
        "specification": table_specification(WIDTH, points=30),
        "semantic": False,
        "extra": {"centroids.npy": centroids()},
    }
    return package_files(**(defaults | parts))


def zipped(
    files: Mapping[str, bytes], *, folder: str = "", folders: bool = False, mode: int = 0o644, method: int = 8
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if folders:
            archive.mkdir(folder.rstrip("/")) if hasattr(archive, "mkdir") else archive.writestr(folder, b"")
        for name, data in files.items():
            info = zipfile.ZipInfo(folder + name)
            info.external_attr = mode << 16
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


class _Pipe(io.RawIOBase):
    """Cannot seek, so that zipfile writes sizes behind the data as it does into a pipe."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def streamed(files: Mapping[str, bytes], *, wide: bool = False) -> bytes:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=wide) as target:
                target.write(data)
    return bytes(pipe.data)


def wide(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=True) as target:
                target.write(data)
    return buffer.getvalue()


def with_yaml(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        document = yaml.safe_load(files["learnware.yaml"]) | changes
        kept = {key: value for key, value in document.items() if value is not None}
        files["learnware.yaml"] = yaml.safe_dump(kept).encode()

    return change


def recoded(name: str, encoding: str, mark: bytes = b"") -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = mark + files[name].decode().encode(encoding)

    return change


def with_text(name: str, text: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: text.encode()})


def _legacy(files: dict[str, bytes]) -> None:
    document = json.loads(files["stat.json"])
    del document["type"]
    files["stat.json"] = json.dumps(document | {"cuda_idx": -1, "device": "cpu"}).encode()


def _tuples(files: dict[str, bytes]) -> None:
    text = files["learnware.yaml"].decode()
    files["learnware.yaml"] = text.replace("kwargs: {}\nstat", "kwargs:\n    shape: !!python/tuple [64]\nstat").encode()
    assert b"python/tuple" in files["learnware.yaml"]
    files["__init__.py"] = files["__init__.py"].replace(b"__init__(self):", b"__init__(self, shape):")


def _by_a_dock(files: dict[str, bytes]) -> None:
    files["semantic_specification.json"] = json.dumps(digits_semantic()).encode()
    with_yaml(id="00000084", semantic_specification={"file_name": "semantic_specification.json"})(files)


def _encoded_twice(semantic: dict[str, Any]) -> dict[str, Any]:
    return semantic | {key: json.dumps(semantic[key]) for key in ("Input", "Output")}


def _twice_the_yaml(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("learnware.yaml", b"name: the first one\n")
        for name, data in files.items():
            if name == "learnware.yaml":
                continue
            archive.writestr(name, data)
        info = zipfile.ZipInfo("learnware.yam!")
        archive.writestr(info, files["learnware.yaml"])
    return buffer.getvalue().replace(b"learnware.yam!", b"learnware.yaml")


EIGHT: dict[str, Recipe] = {
    "plain": Recipe(
        parts={
            "specification_class": "RKMEStatSpecification",
            "requirements": ("numpy", "a-package-that-nobody-published==0.1.3"),
        },
        change=_legacy,
    ),
    "old_python": Recipe(
        parts={
            "requirements": None,
            "environment_yaml": "channels: [defaults]\ndependencies: ['python==3.7', numpy, {pip: [joblib]}]\n",
            "extra": {
                "centroids.npy": centroids(),
                "environment.yaml~": "[[[ not yaml",
                "generate_model.py": "raise SystemExit('never run')",
            },
        },
    ),
    "conda": Recipe(
        parts={
            "requirements": None,
            "environment_yaml": "name: x\ndependencies:\n- python==3.9\n- sqlite\n- pywin32\n- numpy\n",
        },
        note="sqlite",
    ),
    "folder": Recipe(write=lambda files: zipped(files, folder="some_model/", folders=True)),
    "invalid": Recipe(parts={"model_source": IMPORTS_NOTHING_THERE}, verdict="rejected"),
    "no_stat": Recipe(parts={"specification": False}, refused="SPECIFICATION_MISSING", verdict=""),
    "multi_import": Recipe(
        parts={
            "model_source": RELATIVE,
            "extra": {
                "inner/__init__.py": "",
                "inner/centroids.py": INNER.replace("{weights}", "../centroids.npy"),
                "centroids.npy": centroids(),
            },
        },
        write=lambda files: zipped(files, mode=0),
    ),
    "multi_import_old": Recipe(
        parts={
            "model_source": ABSOLUTE,
            "extra": {
                "centroids.py": INNER.replace("{weights}", "centroids.npy"),
                "centroids.npy": centroids(),
            },
        },
        verdict="rejected",
    ),
}

VARIANTS: dict[str, Recipe] = {
    "folder_without_entry": Recipe(write=lambda files: zipped(files, folder="some_model/")),
    "finder_leftovers": Recipe(
        write=lambda files: zipped(
            {f"m/{name}": data for name, data in files.items()}
            | {"__MACOSX/m/._x.py": b"\0", "m/.DS_Store": b"\0", "m/x.py~": b""}
        )
    ),
    "stored": Recipe(write=lambda files: zipped(files, method=0)),
    "streamed": Recipe(write=streamed),
    "streamed_zip64": Recipe(write=lambda files: streamed(files, wide=True)),
    "zip64": Recipe(write=wide),
    "yaml_with_bom": Recipe(change=recoded("learnware.yaml", "utf-8", b"\xef\xbb\xbf")),
    "yaml_in_utf16": Recipe(change=recoded("learnware.yaml", "utf-16")),
    "yaml_in_utf16_big_endian": Recipe(change=recoded("learnware.yaml", "utf-16-be", b"\xfe\xff")),
    "requirements_in_utf16": Recipe(change=recoded("requirements.txt", "utf-16")),
    "requirements_without_mark": Recipe(change=recoded("requirements.txt", "utf-16-le")),
    "stat_with_bom": Recipe(change=recoded("stat.json", "utf-8", b"\xef\xbb\xbf")),
    "tuple": Recipe(change=_tuples),
    "two_yamls": Recipe(write=_twice_the_yaml, refused="ZIP_DUPLICATE_NAME", verdict=""),
    "by_a_dock": Recipe(change=_by_a_dock),
    "encoded_twice": Recipe(semantic=_encoded_twice),
    "defaults": Recipe(change=with_yaml(model=None, name=None)),
    "more_keys": Recipe(change=with_yaml(author="me", tags=["a", {"b": 1}])),
    "conda_dump": Recipe(
        parts={"requirements": None}, change=with_text("environment.yaml", CONDA_DUMP), note="openssl", verdict=""
    ),
    "both_environments": Recipe(
        change=with_text("environment.yaml", "dependencies: [numpy]\n"), note="environment.yaml wins"
    ),
    "nested_weights": Recipe(
        parts={
            "model_source": CENTROID_MODEL.replace("{weights}", "weights/deep/centroids.npy"),
            "extra": {"weights/deep/centroids.npy": centroids()},
        }
    ),
    "required_ids": Recipe(
        change=with_yaml(model={"class_name": "Model", "required_learnware_ids": ["00002890", "00002891"]})
    ),
    "image": Recipe(
        parts={"specification": {"z": []}, "specification_class": "RKMEImageSpecification"},
        note="SPECIFICATION_TYPE_UNSUPPORTED",
        verdict="",
        semantic=lambda semantic: semantic | {"Data": {"Type": "Class", "Values": ["Image"]}},
    ),
}


def make_golden(folder: Path, recipes: Mapping[str, Recipe] = EIGHT | VARIANTS) -> list[Golden]:
    """Write every package into `folder` and say what must become of each."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_make(folder / f"{name}.zip", name, recipe) for name, recipe in recipes.items()]


def _make(path: Path, name: str, recipe: Recipe) -> Golden:
    files = plain_files(**recipe.parts)
    recipe.change(files)
    path.write_bytes((recipe.write or zipped)(files))
    return Golden(name, path, recipe.semantic(digits_semantic()), recipe.refused, recipe.verdict, recipe.note)
