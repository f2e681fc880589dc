"""What a dock exposes is what its reference says, and a push moves it."""

from __future__ import annotations

import time

import pytest

from dock_server.figures import FIGURES
from tests.watching.conftest import samples

TARGETS = ("ingestion", "checking", "specification", "search")


@pytest.fixture(scope="module")
def after(watched):
    return watched.scrape()


def value(found, name, **labels):
    return found.get((name, frozenset(labels.items())))


@pytest.fixture(scope="module")
def settled(watched):
    """Waits for something that follows a push."""

    def wait(member, name, wanted, **labels):
        end = time.monotonic() + 180
        while (found := value(samples(watched.house[member].metrics_port), name, **labels)) != wanted:
            assert time.monotonic() < end, f"{name} is {found}"
            time.sleep(0.2)

    return wait


def test_what_is_exposed_is_what_the_reference_says(watched):
    from tools.services.health import ask

    exposed = {}
    for member in watched.house.members:
        lines = ask(member.metrics_port, "/metrics")[1].decode().splitlines()
        exposed |= {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE ")}
    ours = {name: kind for name, kind in exposed.items() if not name.endswith("_created")}
    assert ours == {figure.name: figure.kind for figure in FIGURES}


def test_labels_are_those_of_the_reference_and_nothing_of_a_learnware(watched, after):
    known = {figure.name: set(figure.labels) for figure in FIGURES}
    for found in after.values():
        for name, labels in found:
            if name.endswith("_created"):
                continue
            base = next(each for each in (name, name.rsplit("_", 1)[0]) if each in known)
            assert {key for key, _ in labels} - {"le"} == known[base]
            assert watched.record.learnware_id not in {text for _, text in labels}
            assert watched.record.name not in {text for _, text in labels}


def test_gauges_of_the_dock_are_the_same_in_every_process_with_the_database(settled):
    for target in TARGETS:
        settled(target, "dock_database_up", 1)
        settled(target, "dock_bus_up", 1)
        settled(target, "dock_learnwares", 1, state="INDEXED")
        settled(target, "dock_learnwares", 0, state="RECEIVED")
        settled(target, "dock_outbox_pending", 0)
        settled(target, "dock_outbox_oldest_age_seconds", 0)
        settled(target, "dock_stage_oldest_age_seconds", 0, stage="checking")
        settled(target, "dock_dlq_messages", 0, stage="checking")


def test_reuse_has_no_database_to_tell_of(watched, after):
    assert value(watched.before["reuse-1"], "dock_database_up") is None
    assert value(after["reuse-1"], "dock_database_up") is None


def test_a_push_moves_what_it_goes_through(watched, settled):
    before = watched.before
    assert value(before["checking-1"], "dock_attempts_total", stage="checking", outcome="done") is None
    settled("checking", "dock_attempts_total", 1, stage="checking", outcome="done")
    settled("specification", "dock_attempts_total", 1, stage="specification", outcome="done")
    settled("checking", "dock_deliveries_total", 1, stage="checking", outcome="done")
    settled("specification", "dock_deliveries_total", 1, stage="specification", outcome="done")
    settled("checking", "dock_sandbox_runs_total", 1, outcome="OK")


def test_the_index_tells_its_revision_and_that_it_lags_by_none(watched, settled):
    assert value(watched.before["search-1"], "dock_index_revision") == 0
    settled("search", "dock_index_lag_revisions", 0)
    assert value(samples(watched.house["search"].metrics_port), "dock_index_revision") >= watched.record.revision


def test_calls_are_counted_under_both_names(after):
    found = after["ingestion-1"]
    method = "dockapi.ingestion.v1.IngestionService/CommitUpload"
    assert value(found, "dock_rpc_server_handled_total", target="ingestion", method="CommitUpload", code="OK") == 1
    labels = {"rpc_system_name": "grpc", "rpc_method": method, "rpc_response_status_code": "OK"}
    assert value(found, "rpc_server_call_duration_seconds_count", **labels) == 1


def test_spans_are_counted(settled, watched):
    end = time.monotonic() + 180
    while not value(samples(watched.house["checking"].metrics_port), "dock_spans_total", outcome="sent"):
        assert time.monotonic() < end
        time.sleep(0.2)
    settled("checking", "dock_spans_total", None, outcome="lost")
