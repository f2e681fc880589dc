"""Whether the NATS server writes through to its disk before it confirms; by default it does so every two minutes."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from dock_bus.access import context_of
from dock_bus.settings import BusSettings
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable

_log = logging.getLogger(__name__)
_TIMEOUT_S = 5.0
_HINT = "Set `jetstream { sync_interval: always }` in the server's configuration and restart it."


def require_write_through(settings: BusSettings) -> None:
    """Warn where the server may lose what it confirmed; where DOCK_BUS_REQUIRE_SYNC is set, refuse it.

    FailedPrecondition BUS_NOT_DURABLE, InvalidInput BUS_MONITOR_MISSING, Unavailable BUS_MONITOR_DOWN.
    """
    if not settings.monitor_url:
        if settings.require_sync:
            raise InvalidInput(
                "Nobody can say whether the bus writes through to its disk.",
                reason="BUS_MONITOR_MISSING",
                hint="DOCK_BUS_REQUIRE_SYNC needs DOCK_BUS_MONITOR_URL, as http://nats:8222.",
            )
        return
    try:
        always = writes_through(settings)
    except (InvalidInput, Unavailable) as error:
        if settings.require_sync:
            raise
        _log.warning("%s", error.message)
        return
    if always:
        return
    told = "The bus confirms events before they are on its disk: a power cut may lose them."
    if settings.require_sync:
        raise FailedPrecondition(told, reason="BUS_NOT_DURABLE", hint=_HINT)
    _log.warning("%s %s", told, _HINT)


def writes_through(settings: BusSettings) -> bool:
    """What `/varz` says of JetStream's `sync_interval`.

    An https:// address is believed as the server itself is. Unavailable BUS_MONITOR_DOWN, InvalidInput BUS_URL_INVALID.
    """
    scheme = urlsplit(settings.monitor_url).scheme
    if scheme not in ("http", "https"):
        raise InvalidInput(
            "DOCK_BUS_MONITOR_URL is no address of a web server.",
            reason="BUS_URL_INVALID",
            hint="It looks like http://nats:8222.",
        )
    try:
        url, context = f"{settings.monitor_url.rstrip('/')}/varz", context_of(settings) if scheme == "https" else None
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310
            said = json.load(answer)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The bus's monitoring address does not answer ({type(error).__name__}).",
            reason="BUS_MONITOR_DOWN",
            hint="Look at DOCK_BUS_MONITOR_URL and the server's `http_port`.",
        ) from error
    return bool(said.get("jetstream", {}).get("config", {}).get("sync_always", False))
