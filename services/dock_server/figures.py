"""Every metric of a dock: its name, its labels, what it says and of what; docs/reference/metrics.md is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dock_db import State
from dock_db.standing import STAGES

_CODE = "the call's gRPC code, such as `OK`"
_CALLED = "the service that is called: " + ", ".join(f"`{name}`" for name in ("ingestion", "checking", "…"))
_STAGE = ", ".join(f"`{stage}`" for stage in STAGES)
_METHOD = "name of the method, such as `CommitUpload`"


@dataclass(frozen=True)
class Figure:
    """One metric. `of` the dock: all processes tell the same, take `max`; of the process: add them up."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    of: Literal["dock", "process"]
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Each label and what it may be."""


FIGURES = (
    Figure(
        "dock_database_up",
        "gauge",
        "process",
        "1 where the database answered in time at the scrape, else 0; what is read from it is absent then.",
    ),
    Figure(
        "dock_bus_up",
        "gauge",
        "process",
        "1 where the bus answered in time at the scrape, else 0; what is read from it is absent then.",
    ),
    Figure(
        "dock_bus_synced",
        "gauge",
        "dock",
        "1 where NATS has each event on its disk before it confirms it (`sync_interval: always`), else 0; absent where "
        "`DOCK_BUS_MONITOR_URL` names no address that tells, or that does not answer.",
    ),
    Figure(
        "dock_learnwares",
        "gauge",
        "dock",
        "Learnware versions in each state.",
        {"state": ", ".join(f"`{state.value}`" for state in State)},
    ),
    Figure(
        "dock_stage_oldest_age_seconds",
        "gauge",
        "dock",
        "Seconds since the oldest version that is not through a stage came to it; 0 where none is. "
        "A new try changes nothing.",
        {"stage": _STAGE},
    ),
    Figure("dock_outbox_pending", "gauge", "dock", "Events that the bus has not taken yet."),
    Figure("dock_outbox_oldest_age_seconds", "gauge", "dock", "Age of the oldest of them; 0 where there is none."),
    Figure(
        "dock_backup_age_seconds",
        "gauge",
        "dock",
        "Seconds since the moment that the newest complete backup is of, by the schedule or by `dock backup`; "
        "-1 before any.",
    ),
    Figure(
        "dock_dlq_messages",
        "gauge",
        "dock",
        "Events that a service gave up and that nobody retried since (`dock dlq list`).",
        {"stage": _STAGE},
    ),
    Figure(
        "dock_deliveries_total",
        "counter",
        "process",
        "Events delivered to a service of this process.",
        {
            "stage": _STAGE,
            "outcome": "`done`; `dup`: done, and delivered before; `fenced`: answered too late, comes again; "
            "`retry`: failed, comes again; `dlq`: failed for the last time",
        },
    ),
    Figure(
        "dock_attempts_total",
        "counter",
        "process",
        "Work on learnwares that this process had claimed.",
        {
            "stage": "`checking`, `specification`",
            "outcome": "`done`; `fenced`: others had it by then, and the result does not count; `put_off`: something "
            "it needs was away; `damaged`: the store gave other bytes; `failed`: a fault of the dock",
        },
    ),
    Figure(
        "dock_reconciler_redriven_total",
        "counter",
        "process",
        "Overdue versions that were driven on. Of all processes one does so.",
        {"reason": "`waiting`, `silent` (the worker), `not_indexed`, `given_up`"},
    ),
    Figure("dock_index_revision", "gauge", "process", "Newest revision that this replica's index holds."),
    Figure(
        "dock_index_lag_revisions",
        "gauge",
        "process",
        "Revisions of the database that this replica's index does not hold yet.",
    ),
    Figure(
        "dock_orphans_total",
        "counter",
        "process",
        "Things nobody refers to that were swept. Of all processes one does so.",
        {"kind": "`upload`: begun and left; `package`: without a learnware"},
    ),
    Figure(
        "dock_blob_verify_failures_total",
        "counter",
        "process",
        "Packages that came out of the store other than they were accepted. Never a client's doing.",
    ),
    Figure(
        "dock_sandbox_runs_total",
        "counter",
        "process",
        "Sandboxes that ended.",
        {"outcome": "`OK`, `START_FAILED`, or the limit that was passed, as in errors: `SANDBOX_TIMEOUT`, …"},
    ),
    Figure(
        "dock_prediction_breaches_total",
        "counter",
        "process",
        "Predictions that broke a rule for outputs or a limit of the sandbox.",
        {"rule": "the rule's or the limit's name"},
    ),
    Figure(
        "dock_spans_total",
        "counter",
        "process",
        "Spans of traces, where a collector is named.",
        {"outcome": "`sent`; `lost`: the collector was away, or more than 2,048 waited for it"},
    ),
    Figure(
        "dock_rpc_server_handled_total",
        "counter",
        "process",
        "Calls that ended.",
        {"target": _CALLED, "method": _METHOD, "code": _CODE},
    ),
    Figure(
        "dock_rpc_server_handling_seconds",
        "histogram",
        "process",
        "Time from a call's arrival to its end; streams last as long as they are open.",
        {"target": _CALLED, "method": _METHOD},
    ),
    Figure("dock_rpc_server_running_calls", "gauge", "process", "Calls being served now.", {"target": _CALLED}),
    Figure(
        "rpc_server_call_duration_seconds",
        "histogram",
        "process",
        "The same durations under OpenTelemetry's name, `rpc.server.call.duration`, for boards made for it.",
        {
            "rpc_system_name": "`grpc`",
            "rpc_method": "the full method, such as `dockapi.search.v1.SearchService/Search`",
            "rpc_response_status_code": _CODE,
        },
    ),
)
