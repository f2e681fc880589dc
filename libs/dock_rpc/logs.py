"""The log of a process: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json as json_module
import logging
import sys
from datetime import datetime, timezone
from typing import Any

from dock_rpc.bearer import redact
from dock_trace import current, current_facts, current_trace_id

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "trace_id"}

_TALKATIVE = ("alembic", "nats", "urllib3")
"""Libraries whose INFO is no news of a dock."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, ids, what was given as `extra`, and the traceback.

    The ids are trace_id and span_id; beside them stands what is worked on: target, learnware, version.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {**_where(record), **current_facts()}
        document |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return redact(json_module.dumps(document, ensure_ascii=False, default=str))


class LineFormatter(logging.Formatter):
    """A line for people; control characters in messages are escaped, so that no message forges a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Give the line and its traceback, without the secret part of any token."""
        return redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Give the first line, with the trace id where there is one."""
        record.message = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in record.message
        )
        trace_id = getattr(record, "trace_id", "") or current_trace_id()
        return super().formatMessage(record) + (f" [{trace_id[:8]}]" if trace_id else "")


def _where(record: logging.LogRecord) -> dict[str, Any]:
    """The ids of the span that a line belongs to; a line that names a trace itself belongs to that."""
    here, told = current(), getattr(record, "trace_id", "")
    if here is not None and told in ("", here.trace_id):
        return {"trace_id": here.trace_id, "span_id": here.span_id}
    return {"trace_id": told} if told else {}


def configure_logging(*, json: bool = False, level: str = "INFO") -> None:
    """Send the root logger to standard error, in place of whatever handlers it had."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if json else LineFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
