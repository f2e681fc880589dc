"""Whether the NATS server writes through to its disk before it confirms; by default it does so every two minutes."""

from __future__ import annotations

import http.client
import json
import logging
import ssl
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
        _log.warning("%s Whether a power cut may lose events is not known. %s", error.message, error.hint)
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
    scheme, where = _place(settings.monitor_url)
    try:
        url, context = f"{settings.monitor_url.rstrip('/')}/varz", context_of(settings) if scheme == "https" else None
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310
            said = json.load(answer)
        return bool(said.get("jetstream", {}).get("config", {}).get("sync_always", False))
    except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
        raise Unavailable(
            f"The bus's monitoring at {where} tells nothing: {_why(error)}.",
            reason="BUS_MONITOR_DOWN",
            hint="Let DOCK_BUS_MONITOR_URL name the host and the `http_port` of the NATS server's configuration.",
        ) from None


def _place(monitor_url: str) -> tuple[str, str]:
    """Its scheme, and host and port without what a URL may hold of secrets. InvalidInput BUS_URL_INVALID."""
    try:
        parts = urlsplit(monitor_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(
            "DOCK_BUS_MONITOR_URL is no address of a web server.",
            reason="BUS_URL_INVALID",
            hint="It looks like http://nats:8222.",
        )
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _why(error: Exception) -> str:
    """In words of the system or of ours: those of the client are no help."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"it did not answer within {_TIMEOUT_S:.0f} s"
    if isinstance(cause, ssl.SSLError):
        return "no TLS connection comes about that can be trusted"
    if isinstance(cause, OSError):
        return (cause.strerror or type(cause).__name__).lower()
    return "what answers there is no monitoring of a NATS server"
