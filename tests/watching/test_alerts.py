"""Alerts of the guide are about metrics that there are, with labels and values that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dock_db import State
from dock_server.figures import FIGURES

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("watching.md", "backup.md", "bus.md", "database.md", "object-stores.md", "services.md", "security.md")
KNOWN = {figure.name: figure for figure in FIGURES}
_METRIC = re.compile(r"\b(?:dock|rpc)_[a-z_]+")
_SELECTION = re.compile(r"\b((?:dock|rpc)_[a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_BY = re.compile(r"\b(?:by|without) \(([^)]*)\) ")
_SUFFIXES = ("_bucket", "_count", "_sum")


def alerts() -> list[str]:
    """The expressions of the table of alerts."""
    text = (ROOT / "docs" / "guide" / "watching.md").read_text(encoding="utf-8")
    section = text.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    rows = [line.replace(r"\|", "\0").split("|") for line in section.splitlines() if line.startswith("|")]
    return [row[2].strip().strip("`").replace("\0", "|") for row in rows[2:]]


ALERTS = alerts()


def base(name: str) -> str:
    """The metric that a series belongs to."""
    return next((name.removesuffix(end) for end in _SUFFIXES if name.removesuffix(end) in KNOWN), name)


def test_there_are_alerts_for_all_that_an_operator_must_know():
    named = {base(name) for expression in ALERTS for name in _METRIC.findall(expression)}
    wanted = {"dock_database_up", "dock_bus_up", "dock_stage_oldest_age_seconds", "dock_dlq_messages"}
    wanted |= {"dock_outbox_oldest_age_seconds", "dock_index_lag_revisions", "dock_learnwares"}
    assert wanted | {"dock_blob_verify_failures_total"} <= named


@pytest.mark.parametrize("expression", ALERTS)
def test_an_alert_is_about_what_there_is(expression):
    names = _METRIC.findall(expression)
    assert names or "up{" in expression
    assert {base(name) for name in names} <= set(KNOWN)
    for name, selection in _SELECTION.findall(expression):
        assert {label for label, _, _ in _LABEL.findall(selection)} <= set(KNOWN[base(name)].labels), name
    for grouped in _BY.findall(expression):
        labels = {label.strip() for label in grouped.split(",")}
        assert all(labels <= set(KNOWN[base(name)].labels) for name in names), expression


@pytest.mark.parametrize("expression", [each for each in ALERTS if _SELECTION.search(each)])
def test_values_of_labels_are_those_that_are_told(expression):
    for name, selection in _SELECTION.findall(expression):
        for label, _, wanted in _LABEL.findall(selection):
            told = KNOWN[base(name)].labels[label]
            values = {state.value for state in State} if label == "state" else set(re.findall(r"`([^`]+)`", told))
            assert label == "code" or set(wanted.split("|")) <= values, (name, label, wanted)


@pytest.mark.parametrize("expression", [each for each in ALERTS if "rate(" in each or "increase(" in each])
def test_only_counters_are_asked_for_their_growth(expression):
    for inside in re.findall(r"(?:rate|increase)\((\w+)", expression):
        assert inside.endswith(_SUFFIXES) or KNOWN[base(inside)].kind == "counter", inside


@pytest.mark.parametrize("page", PAGES)
def test_metrics_that_the_guide_names_are_there(page):
    text = (ROOT / "docs" / "guide" / page).read_text(encoding="utf-8")
    # Without underscores it is a package of ours, or a table: dock_db, dock_rpc.
    named = {name for name in re.findall(r"`(dock_[a-z]+_[a-z_]+)", text) if not name.startswith("dock_rpc.")}
    assert {base(name) for name in named} - set(KNOWN) == set()
