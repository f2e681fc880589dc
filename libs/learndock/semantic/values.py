"""The words a semantic specification may use, key by key, in the order in which the peer lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Data": ("Table", "Image", "Text"),
        "Task": (
            "Classification",
            "Regression",
            "Feature Extraction",
            "Segmentation",
            "Object Detection",
            "Text Generation",
            "Others",
        ),
        "Model": ("Base Model", "Fine-tuned Model", "PEFT Model", "Others"),
        "Library": ("Scikit-learn", "PyTorch", "TensorFlow", "Others"),
        "Scenario": (
            "Business",
            "Financial",
            "Health",
            "Politics",
            "Computer",
            "Internet",
            "Traffic",
            "Nature",
            "Fashion",
            "Industry",
            "Agriculture",
            "Education",
            "Entertainment",
            "Architecture",
            "Others",
        ),
        "License": (
            "MIT",
            "Apache-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "GPL-2.0",
            "GPL-3.0",
            "LGPL-2.1",
            "LGPL-3.0",
            "AGPL-3.0",
            "ECL-2.0",
            "AFL-3.0",
            "CC-BY-4.0",
            "CC-BY-SA-4.0",
            "Others",
        ),
    }
)
"""Allowed values per key. One value each, but Scenario, which takes one or more."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "Data": "Class",
        "Task": "Class",
        "Model": "Optional",
        "Library": "Class",
        "Scenario": "Tag",
        "License": "Class",
    }
)
"""The peer's `Type` of each key of `VALUES`."""

NAME_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 20_000
SEMANTIC_BYTES = 2 << 20
MAX_DIMENSION = 1_310_720
"""No column count can be larger: a specification holds at most this many numbers."""
