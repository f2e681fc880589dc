"""Packages to push: small classifiers, each with contents of its own, so that none is another's twin."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from learndock.package import pack_folder
from learndock.specification import TableSpecification, specify

WIDTH = 4
ISLANDS = 8
MODEL = """\
import numpy as np


class Model:
    def __init__(self, centre=0.0):
        self.input_shape = (4,)
        self.output_shape = (1,)
        self.centre = centre

    def predict(self, X):
        return (np.asarray(X)[:, 0] > self.centre).astype(int)
"""

BAD = (
    "class Model:\n    input_shape, output_shape = (4,), (1,)\n\n    def predict(self, X):\n        raise ValueError\n"
)


def task(number: int, *, rows: int = 300) -> TableSpecification:
    """A specification of points around one of `ISLANDS` centres; the same for the same number."""
    rng = np.random.default_rng(number)
    return specify(rng.normal(loc=3.0 * (number % ISLANDS), size=(rows, WIDTH)))


def make_packages(folder: Path, count: int, *, prefix: str = "ware") -> list[Path]:
    """Write `count` packages below `folder`; return their zips."""
    tasks = [task(number) for number in range(min(count, 2 * ISLANDS))]  # specifying is not what is measured
    return [_package(folder, f"{prefix}-{number:04d}", number, tasks[number % len(tasks)]) for number in range(count)]


def spoil(package: Path) -> None:
    """Make one of them a package that must be rejected; it stays different from all others."""
    loose = package.with_suffix("")
    (loose / "__init__.py").write_text(BAD + f"# {loose.name}\n", encoding="utf-8")
    package.unlink()
    pack_folder(loose, package)


def grow(package: Path, size: int) -> None:
    """Give one of them `size` bytes more, which do not compress."""
    with zipfile.ZipFile(package, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("weights.bin", random.Random(package.name).randbytes(size))  # noqa: S311


def _package(folder: Path, name: str, number: int, specification: TableSpecification) -> Path:
    loose = folder / name
    loose.mkdir(parents=True)
    (loose / "__init__.py").write_text(MODEL, encoding="utf-8")
    (loose / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    (loose / "semantic_specification.json").write_text(json.dumps(_semantic(name)), encoding="utf-8")
    specification.save(loose / "stat.json")
    centre = 3.0 * (number % ISLANDS) + number / 1e4
    (loose / "learnware.yaml").write_text(yaml.safe_dump(_description(name, centre)), encoding="utf-8")
    package = folder / f"{name}.zip"
    pack_folder(loose, package)
    return package


def _semantic(name: str) -> dict[str, Any]:
    return {
        "Data": {"Type": "Class", "Values": ["Table"]},
        "Task": {"Type": "Class", "Values": ["Classification"]},
        "Model": {"Type": "Optional", "Values": ["Others"]},
        "Library": {"Type": "Class", "Values": ["Others"]},
        "Scenario": {"Type": "Tag", "Values": ["Others"]},
        "License": {"Type": "Class", "Values": ["MIT"]},
        "Name": {"Type": "String", "Values": name},
        "Description": {"Type": "String", "Values": f"{name}, made to be one of many"},
        "Input": {"Dimension": WIDTH, "Description": {str(i): f"x{i}" for i in range(WIDTH)}},
        "Output": {"Dimension": 2, "Description": {"0": "below", "1": "above"}},
    }


def _description(name: str, centre: float) -> dict[str, Any]:
    return {
        "name": name,
        "semantic_specification": {"file_name": "semantic_specification.json"},
        "model": {"class_name": "Model", "module_path": "__init__.py", "kwargs": {"centre": centre}},
        "stat_specifications": [
            {
                "module_path": "learnware.specification",
                "class_name": "RKMETableSpecification",
                "file_name": "stat.json",
                "kwargs": {},
            }
        ],
    }
