"""The log of a process: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json as json_module
import logging
import sys
from datetime import datetime, timezone
from typing import Any

from dock_rpc.bearer import redact
from dock_rpc.trace import current_trace_id

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "trace_id"}

_TALKATIVE = ("alembic", "nats", "urllib3")
"""Libraries whose INFO is no news of a dock."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace_id, what was given as `extra`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace_id = getattr(record, "trace_id", "") or current_trace_id()
        if trace_id:
            document["trace_id"] = trace_id
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
