"""Fixtures: real PostgreSQL, NATS and S3 servers, one of each for a whole run, started when a test first asks.

`own_postgres`, `own_nats` and `own_s3` are for a test that stops, kills or wipes its server. Where one can't be had
a run in CI fails; elsewhere the tests that need it are skipped, and the end of the run names them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest
from tools.services.missing import ServerMissing

if TYPE_CHECKING:
    from tools.services.minio import NamedS3, S3Server
    from tools.services.nats import NamedNats, NatsServer
    from tools.services.postgres import NamedPostgres, PostgresServer

_LEFT_OUT = "left out: "

_Server = TypeVar("_Server", bound=Any)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer | NamedPostgres]:
    """A PostgreSQL; `new_database()` gives the URL of a new database."""
    from tools.services.postgres import NamedPostgres, PostgresServer

    named = os.environ.get("DOCK_TEST_POSTGRES_URL")
    if named:
        yield NamedPostgres(named)
        return
    with started(PostgresServer) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer | NamedNats]:
    """A NATS with JetStream: `url`, `monitor_url`. Streams are shared by all tests: name yours after the test."""
    from tools.services.nats import NamedNats, NatsServer

    named = os.environ.get("DOCK_TEST_NATS_URL")
    if named:
        yield NamedNats(named, os.environ.get("DOCK_TEST_NATS_MONITOR_URL", ""))
        return
    with started(NatsServer) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server | NamedS3]:
    """An S3 server; `new_bucket()` gives the URL of a new bucket."""
    from tools.services.minio import NamedS3, S3Server

    named = os.environ.get("DOCK_TEST_S3_URL")
    if named:
        yield NamedS3(named)
        return
    with started(S3Server) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, which it may stop, kill and start."""
    from tools.services.postgres import PostgresServer

    with started(PostgresServer) as server:
        yield server


@pytest.fixture
def own_nats() -> Iterator[NatsServer]:
    """A NATS of this test alone, which it may stop, kill, wipe and start."""
    from tools.services.nats import NatsServer

    with started(NatsServer) as server:
        yield server


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """A MinIO of this test alone, which it may stop, kill and start."""
    from tools.services.minio import S3Server

    with started(S3Server) as server:
        yield server


@contextmanager
def started(make: Callable[[], _Server]) -> Iterator[_Server]:
    """A server that is made, started, and closed at the end; left out where it can't be had."""
    try:
        server = make()
    except ServerMissing as missing:
        leave_out(missing)
    try:
        _start(server)
        yield server
    finally:
        server.close()


def _start(server: Any) -> None:
    try:
        server.start()
    except ServerMissing as missing:
        leave_out(missing)


def leave_out(missing: ServerMissing) -> NoReturn:
    """Fail in CI, where every server has to be there; elsewhere skip, so that the end of the run names it."""
    if os.environ.get("CI"):
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(f"{_LEFT_OUT}{missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out for want of a server."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        str(report.longrepr[2]).partition(_LEFT_OUT)[2]
        for report in reports
        if isinstance(report.longrepr, tuple) and _LEFT_OUT in report.longrepr[2]
    )
    if not reasons:
        return
    terminalreporter.section("left out", sep="=", yellow=True)
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} test{'s' if count > 1 else ''}: {reason}")
