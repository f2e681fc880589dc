"""Programs outside the sandbox are told what they need, and no secret of the dock."""

from __future__ import annotations

import json
import os
import sys

import pytest

from dock_sandbox import isolation
from dock_sandbox.installer import Uv
from dock_sandbox.interpreter import probe

SECRETS = {
    "DOCK_TOKEN": "ld_secret",
    "DOCK_DB_URL": "postgresql+psycopg2://dock:secret@db/dock",
    "DOCK_BLOB_ACCESS_KEY": "secret",
    "DOCK_BLOB_SECRET_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "PGPASSWORD": "secret",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
    "UV_PUBLISH_TOKEN": "secret",
    "NEW_SECRET_OF_NEXT_YEAR": "secret",
}
NEEDED = {
    "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple",
    "UV_INDEX_OURS_PASSWORD": "of the index",
    "HTTPS_PROXY": "http://127.0.0.1:2",
    "no_proxy": "localhost",
    "SSL_CERT_FILE": "/nowhere/ca.pem",
    "SSL_CERT_DIR": "/nowhere/ca",
    "XDG_CACHE_HOME": "/nowhere/cache",
    "LC_ALL": "C.UTF-8",
    "TMPDIR": "/nowhere/tmp",
}


@pytest.fixture
def teller(tmp_path, monkeypatch):
    """A program that writes down its variables, and a look at what it wrote."""
    for name, value in (SECRETS | NEEDED).items():
        monkeypatch.setenv(name, value)
    program, told = tmp_path / "program", tmp_path / "told.json"
    program.write_text(f"#!{sys.executable}\nimport json, os\njson.dump(dict(os.environ), open({str(told)!r}, 'w'))\n")
    program.chmod(0o755)
    return program, lambda: json.loads(told.read_text())


def starts_uv(program, folder, _monkeypatch):
    Uv(program).must(["--version"], cwd=folder)


def probes_an_interpreter(program, _folder, _monkeypatch):
    assert probe(program) is None  # it says nothing of itself


def tries_bubblewrap(program, _folder, monkeypatch):
    monkeypatch.setattr(isolation, "bubblewrap_path", lambda: str(program))
    assert isolation._namespaces().ok


def asks_bubblewrap_its_version(program, _folder, monkeypatch):
    monkeypatch.setattr(isolation, "bubblewrap_path", lambda: str(program))
    assert not isolation._bubblewrap().ok


@pytest.mark.parametrize(
    "start",
    [starts_uv, probes_an_interpreter, tries_bubblewrap, asks_bubblewrap_its_version],
    ids=lambda one: one.__name__,
)
def test_a_program_outside_the_sandbox_gets_what_it_needs_and_no_secret(start, teller, tmp_path, monkeypatch):
    program, told = teller
    start(program, tmp_path, monkeypatch)
    variables = told()
    assert set(variables) & set(SECRETS) == set()
    assert "secret" not in json.dumps(variables)
    assert {name: variables.get(name) for name in NEEDED} == NEEDED
    assert variables["PATH"] == os.environ["PATH"]
