"""The client of a running dock: push, watch, search, load, predict.

from learndock.client import Dock

with Dock("127.0.0.1:50051") as dock:
found = dock.search(ld.specify(X), task_type="Classification")
with found.load() as members:
y = ld.AveragingReuser(members, task="classification").fit().predict(X)
"""

from learndock.client.dock import Dock
from learndock.client.found import Found, FoundLearnware, FoundMixture, FoundVerdict, MixtureMember
from learndock.client.loading import OpenMembers
from learndock.client.records import Breach, CheckStep, LearnwareRecord, Verdict
from learndock.reuse.member import DockWarning

__all__ = [
    "Breach",
    "CheckStep",
    "Dock",
    "DockWarning",
    "Found",
    "FoundLearnware",
    "FoundMixture",
    "FoundVerdict",
    "LearnwareRecord",
    "MixtureMember",
    "OpenMembers",
    "Verdict",
]
