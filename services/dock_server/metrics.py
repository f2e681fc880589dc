"""The metrics of a process's part of a dock: counted as things happen, or read when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dock_bus import EventBus
from dock_db import RELAY, Database, Overdue, Standing, standing
from dock_db.standing import STAGES
from dock_server.bounded import Bounded
from dock_server.figures import FIGURES, Figure

_FIGURES = {figure.name: figure for figure in FIGURES}


@runtime_checkable
class _Remembers(Protocol):
    """A bus that keeps its dead letters itself."""

    def dead_letter_counts(self) -> Mapping[str, int]:
        """How many letters of each durable there are."""
        ...


class DockMetrics:
    """Counts what services and adapters tell it. One for each registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._deliveries = _counter("dock_deliveries_total", registry)
        self._attempts = _counter("dock_attempts_total", registry)
        self._redriven = _counter("dock_reconciler_redriven_total", registry)
        self._orphans = _counter("dock_orphans_total", registry)
        self._damaged = _counter("dock_blob_verify_failures_total", registry)
        self._sandboxes = _counter("dock_sandbox_runs_total", registry)
        self._spans = _counter("dock_spans_total", registry)
        self._gauges = _Gauges()

    def watch(self, database: Database, bus: EventBus) -> None:
        """Read gauges of the database and the bus at each scrape from now on."""

        def look() -> Standing:
            with database.read() as session:
                return standing(session)

        self._gauges.database = Bounded("the database", look)
        if isinstance(bus, _Remembers):
            self._gauges.bus = Bounded("the bus", bus.dead_letter_counts)
        self._registry.register(self._gauges)

    def watch_disk(self, synced: Callable[[], bool]) -> None:
        """Ask at each scrape whether the bus has on its disk what it confirms, too."""
        self._gauges.synced = Bounded("the bus's monitoring", synced)

    def follow(self, revision: Callable[[], int]) -> None:
        """Tell how far this replica's index is, too."""
        self._gauges.index = revision

    def delivery(self, durable: str, outcome: str) -> None:
        """An event was delivered."""
        self._deliveries.labels(stage_of(durable), outcome).inc()

    def attempt(self, stage: str, outcome: str) -> None:
        """Claimed work ended."""
        self._attempts.labels(stage, outcome).inc()
        if outcome == "damaged":
            self.damaged()

    def redriven(self, why: Overdue) -> None:
        """The reconciler drove a version on."""
        self._redriven.labels(why.value).inc()

    def orphan(self, kind: str) -> None:
        """The sweeper removed something."""
        self._orphans.labels(kind).inc()

    def damaged(self) -> None:
        """The store gave other bytes than it was given."""
        self._damaged.inc()

    def spans(self, what: str, count: int) -> None:
        """Spans were sent or lost."""
        self._spans.labels(what).inc(count)

    def sandbox_run(self, outcome: str) -> None:
        """A sandbox ended."""
        self._sandboxes.labels(outcome).inc()


class _Gauges(Collector):
    """What is read at a scrape. What cannot be read in time is absent, and dock_database_up or dock_bus_up says so."""

    def __init__(self) -> None:
        self.database: Bounded[Standing] | None = None
        self.bus: Bounded[Mapping[str, int]] | None = None
        self.synced: Bounded[bool] | None = None
        self.index: Callable[[], int] | None = None

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One scrape."""
        found = self.database.get() if self.database is not None else None
        yield _gauge("dock_database_up", {(): float(found is not None)})
        if found is not None:
            yield from _of_database(found)
        revision = self.index() if self.index is not None else None
        if revision is not None:
            yield _gauge("dock_index_revision", {(): revision})
            if found is not None:
                yield _gauge("dock_index_lag_revisions", {(): max(0, found.revision - revision)})
        yield from self._letters(found)
        synced = self.synced.get() if self.synced is not None else None
        if synced is not None:
            yield _gauge("dock_bus_synced", {(): float(synced)})

    def _letters(self, found: Standing | None) -> Iterator[GaugeMetricFamily]:
        if self.bus is None:  # it forgets its letters, and they are in the database
            counts: Mapping[str, int] | None = found.dead_letters if found is not None else None
        else:
            counts = self.bus.get()
            yield _gauge("dock_bus_up", {(): float(counts is not None)})
            if counts is not None and found is not None and found.dead_letters.get(RELAY):
                counts = {**counts, RELAY: found.dead_letters[RELAY]}  # what no bus can carry stays in the database
        if counts is not None:
            by_stage = dict.fromkeys(STAGES, 0)
            for durable, count in counts.items():
                by_stage[stage_of(durable)] = by_stage.get(stage_of(durable), 0) + count
            yield _gauge("dock_dlq_messages", {(stage,): count for stage, count in by_stage.items()})


def stage_of(durable: str) -> str:
    """The stage of a durable; each replica of search has one of its own, search-<name>."""
    return durable.partition("-")[0]


def _of_database(found: Standing) -> Iterator[GaugeMetricFamily]:
    yield _gauge("dock_learnwares", {(state.value,): count for state, count in found.learnwares.items()})
    yield _gauge("dock_stage_oldest_age_seconds", {(stage,): age for stage, age in found.oldest_s.items()})
    yield _gauge("dock_outbox_pending", {(): found.events})
    yield _gauge("dock_outbox_oldest_age_seconds", {(): found.oldest_event_s})
    yield _gauge("dock_backup_age_seconds", {(): -1.0 if found.backup_age_s is None else found.backup_age_s})


def _gauge(name: str, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    figure = _FIGURES[name]
    family = GaugeMetricFamily(name, figure.text, labels=list(figure.labels))
    for labels, value in values.items():
        family.add_metric(list(labels), value)
    return family


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    figure: Figure = _FIGURES[name]
    return Counter(name, figure.text, list(figure.labels), registry=registry)
