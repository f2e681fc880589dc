"""Learnwares that the end-to-end tests push: numpy models on clouds of points, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from learndock.package import pack_folder
from learndock.specification import specify
from tests.packages.models import build_package, table_semantic

WIDTH = 3
CLASSIFIER = """\
import numpy as np


class Model:
    def __init__(self, centre=0.0):
        self.input_shape = ({width},)
        self.output_shape = (1,)
        self.centre = centre

    def predict(self, X):
        return (np.asarray(X)[:, 0] > self.centre).astype(int)
"""

HOSTILE = {
    "raises": (
        "class Model:\n    input_shape, output_shape = (3,), (1,)\n\n    def predict(self, X):\n"
        "        raise ValueError('the model has a bad day')\n",
        {"MODEL_RAISED"},
    ),
    "wrong_shape": (
        "import numpy as np\n\n\nclass Model:\n    input_shape, output_shape = (3,), (1,)\n\n"
        "    def predict(self, X):\n        return np.zeros((len(X), 5))\n",
        {"OUTPUT_SHAPE"},
    ),
    "exits": (
        "import os\n\n\nclass Model:\n    input_shape, output_shape = (3,), (1,)\n\n"
        "    def predict(self, X):\n        os._exit(0)\n",
        {"SANDBOX_DIED"},
    ),
    "no_such_module": ("import a_module_that_is_not_there\n", {"MODEL_IMPORT_FAILED"}),
}


def cloud(centre: float, *, seed: int, rows: int = 400) -> npt.NDArray[np.float64]:
    """Points around `centre` in every column, shape (rows, 3)."""
    return np.random.default_rng(seed).normal(loc=centre, size=(rows, WIDTH))


def classifier_package(folder: Path, centre: float, *, ballast: int = 0) -> Path:
    """A classifier made for the cloud at `centre`; the same bytes each time. `ballast`: bytes that don't compress."""
    source = CLASSIFIER.format(width=WIDTH)
    extra = {"ballast.bin": np.random.default_rng(0).bytes(ballast)} if ballast else {}
    return _packed(folder, f"cloud-{centre:g}", source, centre, kwargs={"centre": float(centre)}, extra=extra)


def slow_package(folder: Path, *, seconds: float) -> Path:
    """A good classifier that takes so long to come up."""
    source = CLASSIFIER.format(width=WIDTH).replace(
        "        self.centre", f"        time.sleep({seconds})\n        self.centre"
    )
    return _packed(folder, "slow", f"import time\n\n{source}", 50.0, kwargs={"centre": 50.0})


def hostile_package(folder: Path, kind: str) -> tuple[Path, set[str]]:
    """A package whose model misbehaves, and the reasons that a verdict may give."""
    source, reasons = HOSTILE[kind]
    return _packed(folder, f"hostile-{kind}", source, 0.0), reasons


def _packed(folder: Path, name: str, source: str, centre: float, **parts: object) -> Path:
    loose = build_package(
        folder / name,
        model_source=source,
        specification=specify(cloud(centre, seed=1)),
        semantic=table_semantic(WIDTH, name=name),
        **parts,
    )
    package = folder / f"{name}.zip"
    pack_folder(loose, package)
    return package
