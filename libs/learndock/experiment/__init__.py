"""Experiments: what owners' models are worth to people with few labels, measured as the learnware papers do.

Owners train models on their own rows, task owners search with a specification, reuse what is found, and everything is
compared on held-out rows with the model that the task owner's labels alone would give. Nothing here speaks to a dock or
runs a stranger's code; members may come from any `Market`, though.
"""

from __future__ import annotations

from learndock.experiment.compare import Figure, compare
from learndock.experiment.folder import OwnedTable, leave_one_out, read_folder
from learndock.experiment.market import Found, Market, OwnersMarket
from learndock.experiment.report import Finding, Report
from learndock.experiment.run import run
from learndock.experiment.scenario import Owner, Scenario, TaskOwner

__all__ = [
    "Figure",
    "Finding",
    "Found",
    "Market",
    "OwnedTable",
    "Owner",
    "OwnersMarket",
    "Report",
    "Scenario",
    "TaskOwner",
    "compare",
    "leave_one_out",
    "read_folder",
    "run",
]
