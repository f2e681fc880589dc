from __future__ import annotations

import socket
import subprocess
import sys

import grpc
import numpy as np
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc
from services.conftest import House

from dock_blob.file import FileBlobStore
from dock_db import Database, State
from dock_rpc.channel import channel
from dock_rpc.convert import array_to_tensor
from dock_server.adapters import open_blobs
from dock_server.commands import serve
from dock_server.composition import TARGETS, compose
from dock_server.folder import FolderLock
from dock_server.settings import DockSettings
from dockapi.reuse.v1 import reuse_pb2
from dockapi.reuse.v1.reuse_pb2_grpc import ReuseServiceStub
from learndock.errors import DockError, FailedPrecondition, InvalidInput


@pytest.fixture
def folder(tmp_path):
    with FolderLock(tmp_path / "data") as held:
        yield held


@pytest.fixture
def settings(folder):
    return DockSettings(data=folder.root, port=0, metrics_port=-1)


def health(port, service):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return health_pb2_grpc.HealthStub(channel).Check(request, timeout=60).status


@pytest.mark.parametrize("targets", [["ingestion", "nonsense"], [], ["Search"]])
def test_an_unknown_target_is_refused_before_anything_is_made(folder, settings, targets):
    with pytest.raises(InvalidInput) as unknown:
        compose(folder, settings, targets)
    assert unknown.value.reason == "TARGET_UNKNOWN"
    assert all(target in unknown.value.hint for target in TARGETS)
    assert [path.name for path in folder.root.iterdir()] == ["dock.lock"]


@pytest.mark.parametrize(
    "change",
    [
        {"db_url": "mysql://somewhere/dock"},
        {"db_url": "sqlite:////somewhere/dock.db"},
        {"blob_url": "ftp://somewhere/bucket"},
        {"bus_url": "kafka://somewhere"},
    ],
)
def test_an_adapter_that_is_not_here_is_refused_and_not_passed_over(folder, settings, change):
    with pytest.raises(InvalidInput) as unknown:
        compose(folder, settings.model_copy(update=change))
    assert unknown.value.reason == "ADAPTER_UNKNOWN"
    assert next(iter(change)).upper() in unknown.value.message
    assert "somewhere" not in unknown.value.message


def test_who_comes_to_a_shared_folder_takes_nothing_away_from_those_who_write_there(folder, settings, tmp_path):
    shared = settings.model_copy(update={"db_url": "postgresql://there/dock", "blob_url": f"file://{tmp_path}/shared"})
    writing = open_blobs(folder, shared)

    def slowly():
        yield b"half "
        open_blobs(folder, shared)  # as another service does when it starts, and `dock doctor`
        yield b"whole"

    writing.put("a", slowly())
    assert b"".join(open_blobs(folder, shared).read("a")) == b"half whole"


def test_a_taken_port_is_said_to_be(folder, settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition) as refused:
            compose(folder, settings.model_copy(update={"port": port}))
    assert refused.value.reason == "ADDRESS_TAKEN"
    assert str(port) in refused.value.message
    dock = compose(folder, settings.model_copy(update={"port": port}))
    dock.stop(0.1)


def test_it_serves_its_targets_and_no_others(folder, settings):
    dock = compose(folder, settings, ["ingestion", "search"])
    dock.start()
    try:
        for service in ("", "dockapi.ingestion.v1.IngestionService", "dockapi.search.v1.SearchService"):
            assert health(dock.server.port, service) == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as missing:
            health(dock.server.port, "dockapi.reuse.v1.ReuseService")
        assert missing.value.code() is grpc.StatusCode.NOT_FOUND
    finally:
        dock.stop(0.5)


def test_peers_are_where_the_settings_say(folder, settings, monkeypatch):
    request = reuse_pb2.PredictRequest(members=[reuse_pb2.Member(learnware_id="00000001")])
    request.inputs.CopyFrom(array_to_tensor(np.zeros((1, 2))))
    for elsewhere, reason in (("", "LEARNWARE_NOT_FOUND"), ("127.0.0.1:1", "DOCK_UNREACHABLE")):
        monkeypatch.setenv("DOCK_PEERS_INGESTION", elsewhere)
        dock = compose(folder, settings)
        dock.start()
        try:
            with channel(f"127.0.0.1:{dock.server.port}") as link, pytest.raises(DockError) as refused:
                ReuseServiceStub(link).Predict(request)
        finally:
            dock.stop(0.1)
        assert refused.value.reason == reason


def test_it_goes_on_where_a_dead_process_was(folder, settings, until):
    from services.conftest import Clock

    from tests.packages.models import table_specification

    clock = Clock()
    database = Database(folder.database_url)
    database.create()
    house = House(folder.root, database, FileBlobStore(folder.blobs), clock)
    row = house.claimed(house.received(specification=table_specification(5)), lease_s=10_000.0)
    database.close()
    folder.scratch.mkdir()
    (folder.scratch / "left-over").write_text("of a sandbox")

    dock = compose(folder, settings, TARGETS)
    assert list(folder.scratch.iterdir()) == []
    dock.start()
    try:
        until(lambda: house.now(row).state is State.REJECTED)
    finally:
        dock.stop(0.5)
        database.close()
    assert house.now(row).attempt == 2
    database.close()


def test_settings_can_be_looked_at_without_starting(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCK_WORKERS", "7")
    result = CliRunner().invoke(
        serve, ["--target", "search", "--check-config", "--print-config", "--data", str(tmp_path / "data")]
    )
    assert result.exit_code == 0, result.output
    lines = [line.split("#") for line in result.output.splitlines() if "#" in line]
    values = {line.strip(): origin.strip() for line, origin in lines}
    assert values["DOCK_WORKERS=7"] == "environment"
    assert values[f"DOCK_DATA={tmp_path / 'data'}"] == "option"
    assert values["DOCK_HOST=127.0.0.1"] == "default"
    assert "the settings are good" in result.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--target", "nonsense"], "nonsense"),
        (["--target", "search", "--port", "{taken}"], "{taken}"),
        (["--target", "search", "--data", "{file}"], "--data"),
    ],
)
def test_the_command_ends_with_a_message_and_no_traceback(tmp_path, arguments, expected):
    file = tmp_path / "file"
    file.write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = {"taken": taken.getsockname()[1], "file": file / "below"}
        given = [each.format(**names) for each in ["--data", str(tmp_path / "data"), *arguments]]
        command = [sys.executable, "-m", "learndock.cli.main", "serve", *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode > 0, done.stderr
    assert expected.format(**names) in done.stderr
    assert done.stderr.startswith("Error"), "only the message, not gRPC's own line before it"
    assert "Traceback" not in done.stderr
