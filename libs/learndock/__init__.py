"""LearnDock's engine: learnware packages, specifications, search, reuse. No server, no torch.

Names are loaded when they are first used, so that importing this costs next to nothing:

    import learndock as ld
    spec = ld.specify(X)

The client of a running dock is `learndock.client.Dock`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learndock.package import Package, extract_package, pack_folder, read_package, repack_package
    from learndock.reuse import (
        AveragingReuser,
        EnsemblePruningReuser,
        FeatureAugmentationReuser,
        JobSelectorReuser,
        Member,
    )
    from learndock.search import Index, mmd
    from learndock.semantic import SemanticSpecification, describe_columns
    from learndock.specification import TableSpecification, specify

__version__ = "0.1.0"

_HOMES = {
    "AveragingReuser": "reuse",
    "EnsemblePruningReuser": "reuse",
    "FeatureAugmentationReuser": "reuse",
    "Index": "search",
    "JobSelectorReuser": "reuse",
    "Member": "reuse",
    "Package": "package",
    "SemanticSpecification": "semantic",
    "TableSpecification": "specification",
    "describe_columns": "semantic",
    "extract_package": "package",
    "mmd": "search",
    "pack_folder": "package",
    "read_package": "package",
    "repack_package": "package",
    "specify": "specification",
}

__all__ = [
    "AveragingReuser",
    "EnsemblePruningReuser",
    "FeatureAugmentationReuser",
    "Index",
    "JobSelectorReuser",
    "Member",
    "Package",
    "SemanticSpecification",
    "TableSpecification",
    "__version__",
    "describe_columns",
    "extract_package",
    "mmd",
    "pack_folder",
    "read_package",
    "repack_package",
    "specify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"learndock.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'learndock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
