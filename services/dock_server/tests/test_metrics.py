"""Every metric moves when what it counts happens, and a scrape bears a database that is away or hangs."""

from __future__ import annotations

import re
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tools.services.nats import NatsServer

from dock_bus import Message, Subscription
from dock_bus.inprocess import InProcessBus
from dock_db import DeadLetterRecorder, Learnwares, Reconciler, State
from dock_db.standing import STAGES
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_sandbox.observed import ObservedRunner
from dock_sandbox.port import SandboxSpec
from dock_sandbox.process import ProcessSandbox
from dock_server.adapters import bus_disk
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.bounded import Bounded
from dock_server.figures import FIGURES
from dock_server.metrics import DockMetrics
from dock_server.settings import DockSettings
from learndock.errors import DockError


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return DockMetrics(registry)


@pytest.fixture
def bus(metrics):
    opened = InProcessBus(on_delivery=metrics.delivery)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch):
    """A scrape waits longer here than a scraper would: what is told is looked at, and not how soon."""
    monkeypatch.setitem(Bounded.__init__.__kwdefaults__, "patience_s", 120.0)


def read(registry, name, **labels):
    return registry.get_sample_value(name, labels)


def test_gauges_of_the_database_tell_states_ages_and_events(house, registry, metrics, bus):
    metrics.watch(house.database, bus)
    house.received()
    house.clock.pass_by(700)
    assert read(registry, "dock_database_up") == 1
    assert read(registry, "dock_learnwares", state="RECEIVED") == 1
    assert {read(registry, "dock_learnwares", state=state.value) for state in State} == {0, 1}
    assert read(registry, "dock_stage_oldest_age_seconds", stage="checking") == pytest.approx(700)
    assert read(registry, "dock_outbox_pending") == 1
    assert read(registry, "dock_outbox_oldest_age_seconds") == pytest.approx(700)
    assert {read(registry, "dock_dlq_messages", stage=stage) for stage in STAGES} == {0}


@pytest.mark.parametrize(
    ("reach", "stage"), [("received", "checking"), ("accepted", "specification"), ("embedded", "search")]
)
def test_a_stage_ages_from_when_a_version_came_to_it_whatever_is_tried(house, reach, stage, registry, metrics, bus):
    metrics.watch(house.database, bus)
    row = getattr(house, reach)()
    house.clock.pass_by(100)
    if stage != "search":
        house.claimed(row, {"checking": State.CHECKING, "specification": State.EMBEDDING}[stage])
    house.clock.pass_by(50)
    ages = {each: read(registry, "dock_stage_oldest_age_seconds", stage=each) for each in STAGES}
    # Without a verdict's moment (this house records none) an accepted version ages from its last transition.
    assert ages.pop(stage) == pytest.approx(50 if stage == "specification" else 150)
    assert set(ages.values()) == {0}


def test_what_the_reconciler_drives_is_counted_by_reason(house, registry, metrics):
    reconciler = Reconciler(house.database, grace_s=30, on_driven=metrics.redriven)
    house.received()
    house.claimed(house.received(), lease_s=1)
    house.embedded()
    house.clock.pass_by(60)
    assert reconciler.scan() == 3
    reasons = {
        reason: read(registry, "dock_reconciler_redriven_total", reason=reason)
        for reason in ("waiting", "silent", "not_indexed")
    }
    assert reasons == {"waiting": 1, "silent": 1, "not_indexed": 1}


def test_the_age_of_the_newest_backup_is_told_whoever_made_it(house, bus, tmp_path):
    def told():
        registry = CollectorRegistry()
        DockMetrics(registry).watch(house.database, bus)
        return read(registry, "dock_backup_age_seconds")

    assert told() == -1
    vault = Vault.open(str(tmp_path / "vault"), make=True)
    BackupTaker(house.database, house.blobs, tenant="default").take(vault)
    house.clock.pass_by(500)
    assert told() == pytest.approx(500)


def test_what_is_swept_is_counted_by_kind(house, registry, metrics):
    house.blobs.put("packages/default/aa/orphan-000001", [b"nobody's"])
    house.blobs.append("packages/default/bb/left-00000001", 0, [b"begun"], None)
    house.age_blobs(10 * 24 * 3600)
    Sweeper(house.database, house.blobs, IngestionSettings(), metrics.orphan).sweep()
    assert read(registry, "dock_orphans_total", kind="package") == 1
    assert read(registry, "dock_orphans_total", kind="upload") == 1


def test_deliveries_are_counted_by_how_they_ended(registry, bus, until):
    failing = threading.Event()
    failing.set()

    def handle(_delivery):
        if failing.is_set():
            raise ValueError

    bus.subscribe(Subscription("checking", ["dock.learnware.received"], max_deliver=2, backoff_s=(0.0,)), handle)
    count = partial(read, registry, "dock_deliveries_total", stage="checking")
    bus.publish(Message("dock.learnware.received", "one", b""))
    until(lambda: count(outcome="dlq") == 1)
    assert count(outcome="retry") == 1
    failing.clear()
    bus.publish(Message("dock.learnware.received", "two", b""))
    until(lambda: count(outcome="done") == 1)


def test_a_late_answer_is_fenced_and_a_second_delivery_a_dup(registry, bus, until):
    first = threading.Event()

    def handle(delivery):
        if delivery.count == 1:
            first.wait(60)

    own = Subscription("search-replica-1", ["dock.>"], max_in_flight=2, ack_wait_s=0.05, backoff_s=(0.0,))
    bus.subscribe(own, handle)
    bus.publish(Message("dock.learnware.received", "one", b""))
    count = partial(read, registry, "dock_deliveries_total", stage="search")
    until(lambda: count(outcome="dup"))
    first.set()
    until(lambda: count(outcome="fenced"))


def test_dead_letters_of_the_bus_in_the_process_are_read_from_the_database(house, registry, metrics, bus, until):
    def refuse(_delivery):
        raise ValueError

    metrics.watch(house.database, bus)
    bus.subscribe(Subscription("specification", ["dock.>"], max_deliver=1), refuse)
    bus.publish(Message("dock.learnware.accepted", "one", b""))
    until(bus.dead_letters)
    DeadLetterRecorder(house.database, bus).record()
    assert read(registry, "dock_dlq_messages", stage="specification") == 1


def test_whether_the_bus_syncs_is_asked_at_each_scrape(house, registry, metrics, bus, own_nats, tmp_path, monkeypatch):
    lax = NatsServer(tmp_path / "lax", more=f'jetstream {{ store_dir: "{tmp_path / "store"}" }}')
    lax.start()
    settings, told = DockSettings(bus_url=own_nats.url), []
    assert bus_disk(settings) is None, "nobody says whom to ask"
    for server in (own_nats, lax):
        monkeypatch.setenv("DOCK_BUS_MONITOR_URL", server.monitor_url)
        each = CollectorRegistry()
        counting = DockMetrics(each)
        counting.watch(house.database, bus)
        counting.watch_disk(bus_disk(settings))
        told.append(partial(read, each, "dock_bus_synced"))
    try:
        assert [each() for each in told] == [1, 0]
    finally:
        lax.close()
    metrics.watch(house.database, bus)
    metrics.watch_disk(bus_disk(settings))
    assert read(registry, "dock_bus_synced") is None, "who does not answer is not said to lose anything"


def test_a_damaged_package_is_an_attempt_and_a_failure_of_the_store(registry, metrics):
    metrics.attempt("checking", "done")
    assert read(registry, "dock_blob_verify_failures_total") == 0
    metrics.attempt("checking", "damaged")
    assert read(registry, "dock_attempts_total", stage="checking", outcome="damaged") == 1
    assert read(registry, "dock_blob_verify_failures_total") == 1


def test_sandboxes_are_counted_once_by_their_outcome(tmp_path, registry, metrics):
    runner = ObservedRunner(ProcessSandbox(unsafe_local=True), metrics.sandbox_run)
    spec = SandboxSpec(tmp_path, Path(sys.executable), (), "model.py", "Model")
    sandbox = runner.start(spec)
    assert read(registry, "dock_sandbox_runs_total", outcome="OK") is None
    sandbox.close()
    sandbox.close()
    assert read(registry, "dock_sandbox_runs_total", outcome="OK") == 1
    with pytest.raises((DockError, OSError)):
        runner.start(replace(spec, python=tmp_path / "none"))
    assert read(registry, "dock_sandbox_runs_total", outcome="START_FAILED") == 1


def test_alerts_of_the_guide_name_metrics_and_labels_that_there_are():
    page = (Path(__file__).parents[3] / "docs" / "guide" / "watching.md").read_text(encoding="utf-8")
    known = {figure.name: figure for figure in FIGURES}
    named = re.findall(r"\b(dock_[a-z_]+)(?:\{(\w+)=)?", page)
    assert len(named) > 15
    for name, label in named:
        assert name in known
        assert not label or label in known[name].labels


def test_without_the_database_a_scrape_says_so_and_leaves_its_gauges_out(house, registry, metrics, bus):
    metrics.watch(house.database, bus)
    metrics.follow(lambda: 7)
    (house.folder / "dock.db").unlink()
    house.database.close()
    text = generate_latest(registry).decode()
    assert "dock_database_up 0.0" in text
    assert "dock_index_revision 7.0" in text
    for absent in ("dock_learnwares", "dock_outbox_pending", "dock_index_lag_revisions", "dock_dlq_messages"):
        assert f"\n{absent}" not in text


def test_a_reading_that_hangs_holds_nobody_for_longer_than_the_bound_and_is_not_started_twice():
    going, started = threading.Event(), []

    def hang():
        started.append(time.monotonic())
        going.wait(60)
        return "found"

    slow = Bounded("something", hang, keep_s=60, patience_s=0.05)
    assert slow.get() is None
    assert slow.get() is None
    going.set()
    patient = Bounded("the same", hang, keep_s=60, patience_s=30)
    assert patient.get() == "found"
    assert patient.get() == "found"
    assert len(started) == 2


def test_the_lag_of_an_index_is_what_the_database_has_more(house, registry, metrics, bus):
    metrics.watch(house.database, bus)
    house.received()
    with house.database.read() as session:
        revision = Learnwares().revision(session)
    metrics.follow(lambda: revision - 1)
    assert read(registry, "dock_index_lag_revisions") == 1
