"""Turns the demo's fitted models into learnware packages, as `dock init` would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import yaml

from learndock.package import pack_folder
from learndock.specification import TableSpecification

MODEL = '''"""A scikit-learn estimator, served as a learnware."""

import os

import joblib
import numpy as np


class Model:
    """Loads the fitted estimator that lies beside this file."""

    def __init__(self):
        folder = os.path.dirname(os.path.abspath(__file__))
        self.estimator = joblib.load(os.path.join(folder, "model.joblib"))
        self.input_shape = ({width},)
        self.output_shape = ({outputs},)

    def predict(self, X):
{body}
'''

NUMBERS = '''        """One number a row."""
        return np.asarray(self.estimator.predict(X), dtype=float).reshape(-1, 1)'''

PROBABILITIES = '''        """Probabilities, one column a class of the task; 0 for classes that the owner never saw."""
        answer = np.zeros((len(X), {outputs}))
        answer[:, np.asarray(self.estimator.classes_, dtype=int)] = self.estimator.predict_proba(X)
        return answer'''


def pack(
    folder: Path, name: str, estimator: Any, specification: TableSpecification, semantic: Mapping[str, Any]
) -> Path:
    """Write the package of a fitted estimator below `folder`; return the zip.

    Classifiers answer with probabilities of every class of the task, regressors with one column.
    """
    loose = folder / name
    loose.mkdir(parents=True, exist_ok=True)
    joblib.dump(estimator, loose / "model.joblib")
    (loose / "__init__.py").write_text(_source(semantic), encoding="utf-8")
    (loose / "requirements.txt").write_text(f"numpy\nscikit-learn=={version('scikit-learn')}\n", encoding="utf-8")
    (loose / "semantic_specification.json").write_text(json.dumps(dict(semantic)), encoding="utf-8")
    specification.save(loose / "stat.json")
    (loose / "learnware.yaml").write_text(yaml.safe_dump(_description(name), sort_keys=False), encoding="utf-8")
    package = folder / f"{name}.zip"
    pack_folder(loose, package)
    return package


def _source(semantic: Mapping[str, Any]) -> str:
    classifies = semantic["Task"]["Values"] == ["Classification"]
    outputs = semantic["Output"]["Dimension"] if classifies else 1
    body = PROBABILITIES.format(outputs=outputs) if classifies else NUMBERS
    return MODEL.format(width=semantic["Input"]["Dimension"], outputs=outputs, body=body)


def _description(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "semantic_specification": {"file_name": "semantic_specification.json"},
        "model": {"class_name": "Model", "module_path": "__init__.py", "kwargs": {}},
        "stat_specifications": [
            {
                "module_path": "learnware.specification",
                "class_name": "RKMETableSpecification",
                "file_name": "stat.json",
                "kwargs": {},
            }
        ],
    }
