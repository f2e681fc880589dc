"""Reusers: turn learnwares that were found into a predictor for the task at hand.

Two need no labels: AveragingReuser and JobSelectorReuser. Two learn from a few labelled rows:
EnsemblePruningReuser and FeatureAugmentationReuser. All follow scikit-learn's manners (parameters in
`__init__`, `fit` returns the reuser, `get_params`, `set_params`, `clone`), and scikit-learn is imported
only where FeatureAugmentationReuser trains its model.
"""

from learndock.reuse.augmentation import FeatureAugmentationReuser
from learndock.reuse.averaging import AveragingReuser
from learndock.reuse.member import DockWarning, Member, Model
from learndock.reuse.named import make_reuser
from learndock.reuse.pruning import EnsemblePruningReuser
from learndock.reuse.reuser import Reuser
from learndock.reuse.selection import JobSelectorReuser

__all__ = [
    "AveragingReuser",
    "DockWarning",
    "EnsemblePruningReuser",
    "FeatureAugmentationReuser",
    "JobSelectorReuser",
    "Member",
    "Model",
    "Reuser",
    "make_reuser",
]
