"""Small packages for tests: models that need nothing but numpy, made as a folder or as a zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

FIRST_COLUMN_CLASSIFIER = '''\
import numpy as np


class Model:
    """Class 1 where the first column is above the threshold."""

    def __init__(self, width=2, threshold=0.0):
        self.input_shape = (width,)
        self.output_shape = (1,)
        self.threshold = threshold

    def predict(self, X):
        return (np.asarray(X)[:, 0] > self.threshold).astype(int)
'''

PROBABILITY_CLASSIFIER = '''\
import numpy as np


class Model:
    """Probabilities of two classes from the first column."""

    def __init__(self, width=2, slope=1.0):
        self.input_shape = (width,)
        self.output_shape = (2,)
        self.slope = slope

    def predict(self, X):
        p = 1.0 / (1.0 + np.exp(-self.slope * np.asarray(X, dtype=float)[:, 0]))
        return np.stack([1.0 - p, p], axis=1)
'''

SUM_REGRESSOR = '''\
import numpy as np


class Model:
    """A factor times the row's sum."""

    def __init__(self, width=2, factor=1.0):
        self.input_shape = (width,)
        self.output_shape = (1,)
        self.factor = factor

    def predict(self, X):
        return self.factor * np.asarray(X, dtype=float).sum(axis=1, keepdims=True)
'''


def table_specification(width: int = 2, *, points: int = 20, centre: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Give a valid table specification in the peer's file form: z (points, width), equal weights."""
    rng = np.random.default_rng(seed)
    return {
        "z": (centre + rng.normal(size=(points, width))).tolist(),
        "beta": [1.0 / points] * points,
        "gamma": 0.1,
        "num_points": 10 * points,
        "type": "RKMETableSpecification",
    }


def table_semantic(
    width: int = 2, *, task: str = "Classification", outputs: int | None = None, name: str = "a small model"
) -> dict[str, Any]:
    """Give a valid semantic specification of a table model in the peer's form."""
    outputs = outputs or (2 if task == "Classification" else 1)
    return {
        "Data": {"Type": "Class", "Values": ["Table"]},
        "Task": {"Type": "Class", "Values": [task]},
        "Model": {"Type": "Optional", "Values": ["Others"]},
        "Library": {"Type": "Class", "Values": ["Others"]},
        "Scenario": {"Type": "Tag", "Values": ["Education"]},
        "License": {"Type": "Class", "Values": ["MIT"]},
        "Name": {"Type": "String", "Values": name},
        "Description": {"Type": "String", "Values": f"{name}, made by a test"},
        "Input": {"Dimension": width, "Description": {str(i): f"x{i} (float)" for i in range(width)}},
        "Output": {"Dimension": outputs, "Description": {str(i): f"y{i}" for i in range(outputs)}},
    }


def as_text(value: Any) -> str:
    """Give JSON text of a specification, whatever it was given as."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        value = value.to_json()
    return value if isinstance(value, str) else json.dumps(value)


def package_files(
    *,
    model_source: str = FIRST_COLUMN_CLASSIFIER,
    specification: Any = None,
    semantic: Any = None,
    requirements: Sequence[str] | None = ("numpy",),
    environment_yaml: str | None = None,
    class_name: str = "Model",
    module_path: str = "__init__.py",
    kwargs: Mapping[str, Any] | None = None,
    specification_class: str = "RKMETableSpecification",
    specification_file: str = "stat.json",
    extra: Mapping[str, str | bytes] | None = None,
) -> dict[str, bytes]:
    """Give the files of a package by name.

    `specification` and `semantic`: None takes a default of width 2, False leaves the file out.
    """
    semantic = table_semantic() if semantic is None else semantic
    specification = table_specification() if specification is None else specification
    content: dict[str, Any] = {
        "name": "small",
        "model": {"class_name": class_name, "module_path": module_path, "kwargs": dict(kwargs or {})},
    }
    files: dict[str, str | bytes] = {module_path: model_source}
    if specification is not False:
        files[specification_file] = as_text(specification)
        content["stat_specifications"] = [
            {
                "module_path": "learnware.specification",
                "class_name": specification_class,
                "file_name": specification_file,
                "kwargs": {},
            }
        ]
    if semantic is not False:
        files["semantic_specification.json"] = as_text(semantic)
        content["semantic_specification"] = {"file_name": "semantic_specification.json"}
    if requirements is not None:
        files["requirements.txt"] = "".join(f"{line}\n" for line in requirements)
    if environment_yaml is not None:
        files["environment.yaml"] = environment_yaml
    files["learnware.yaml"] = yaml.safe_dump(content, sort_keys=False)
    files.update(extra or {})
    return {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}


def build_package(target: Path, *, model_source: str = FIRST_COLUMN_CLASSIFIER, **parts: Any) -> Path:
    """Write a package to `target`: a zip where its name ends in .zip, else a folder.

    `parts` are those of `package_files`.
    """
    target = Path(target)
    files = package_files(model_source=model_source, **parts)
    if target.suffix == ".zip":
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return target
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return target
