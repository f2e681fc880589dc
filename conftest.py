"""What all tests share: environments from wheels that set-up has fetched, servers, and no socket beyond loopback."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.servers"]

WHEELS = Path(__file__).resolve().parent / ".cache" / "uv"


def pytest_configure(config: pytest.Config) -> None:
    """Docks of tests build from the cache that `make setup` fills; without one they may ask the index."""
    # Tests start a thousand processes: none of them is to compile again what the one before it had compiled.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if WHEELS.is_dir():
        os.environ.setdefault("UV_CACHE_DIR", str(WHEELS))
        os.environ.setdefault("DOCK_OFFLINE", "true")
    # A dock that the shell knows, such as that of `make services`, is not for tests.
    for name in list(os.environ):
        if name.startswith("DOCK_") and not name.startswith(("DOCK_OFFLINE", "DOCK_TEST_")):
            del os.environ[name]
    # What tests meet is not for the user's list of known docks.
    os.environ["XDG_CONFIG_HOME"] = folder = tempfile.mkdtemp(prefix="dock-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """A test that reaches for another machine fails at once and says so."""
    patch = pytest.MonkeyPatch()
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address}; tests stay on this machine")
        connect(self, address)

    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _logging_stays() -> Iterator[None]:
    """A command that is called in this process sets the root logger up; the next test hears as much as this one did."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in list(root.handlers):
        if type(handler) is logging.StreamHandler and handler not in handlers:
            root.removeHandler(handler)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
