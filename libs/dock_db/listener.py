"""Hears of commits of other processes, by LISTEN. A hint only: whoever waits polls besides."""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable

from sqlalchemy import Connection

_log = logging.getLogger(__name__)
CHANNEL = "dock_commits"
_AGAIN_S = 2.0
_LOOK_S = 30.0


class CommitListener:
    """Calls `heard` after commits of others, on a thread and a connection of its own; it connects again by itself.

    Args:
        connect: opens a connection in autocommit that nobody else uses.
        own: what this process notifies with; its own notifications are left out.
        heard: must only wake others. Called after each new connection too, as nobody knows what came before it.

    """

    def __init__(self, connect: Callable[[], Connection], own: str, heard: Callable[[], None]) -> None:
        self._connect = connect
        self._own = own
        self._heard = heard
        self._waker, self._woken = socket.socketpair()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commit-listener", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait."""
        self._stopping.set()
        self._waker.send(b"x")
        self._thread.join()
        self._waker.close()
        self._woken.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - whoever waits polls; the thread must live on
                # Not the error's text: it names hosts.
                _log.warning("commits of other processes are not heard (%s); polling", type(error).__name__)
            self._stopping.wait(_AGAIN_S)

    def _listen(self) -> None:
        with self._connect() as connection:
            connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            raw = connection.connection.driver_connection
            assert raw is not None
            self._heard()
            waking = select.poll()  # select knows no descriptor beyond 1023
            for each in (raw, self._woken):
                waking.register(each, select.POLLIN)
            while not self._stopping.is_set():
                waking.poll(_LOOK_S * 1e3)
                raw.poll()
                others = [each for each in raw.notifies if each.payload != self._own]
                raw.notifies.clear()
                if others:
                    self._heard()
