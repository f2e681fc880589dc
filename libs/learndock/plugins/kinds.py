"""The kinds of plug-ins there are, and what each must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """One kind. `members` are the attributes without which an object is none; `ours` maps our own to their place."""

    name: str
    group: str
    protocol: str
    members: tuple[str, ...]
    ours: Mapping[str, str] = field(default_factory=dict, hash=False)


SPECIFICATIONS = Kind(
    "specification type",
    "learndock.specifications",
    "learndock.specification.SpecificationType",
    ("type", "data_type", "from_json"),
    {"RKMETableSpecification": "learndock.specification:TableSpecification"},
)
SEARCHERS = Kind(
    "searcher",
    "learndock.searchers",
    "a class or function that makes a learndock.search.Searcher",
    ("__call__",),
    {"exact": "learndock.search:ExactSearcher"},
)
CHECKERS = Kind("checker", "learndock.checkers", "learndock.check.Checker", ("name", "check"))
REUSERS = Kind(
    "reuser",
    "learndock.reusers",
    "a class of reusers: Reuser(members, *, task, n_classes) with fit and predict",
    ("__call__", "fit", "predict"),
    {
        "averaging": "learndock.reuse:AveragingReuser",
        "ensemble-pruning": "learndock.reuse:EnsemblePruningReuser",
        "feature-augmentation": "learndock.reuse:FeatureAugmentationReuser",
        "job-selector": "learndock.reuse:JobSelectorReuser",
    },
)

KINDS = (SPECIFICATIONS, SEARCHERS, CHECKERS, REUSERS)
