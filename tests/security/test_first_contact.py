"""A dock with a certificate as operator and client first meet it: what it says to use works, or says why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from dock_rpc.tests.authority import Authority

DOCK = [sys.executable, "-m", "learndock.cli.main"]


def test_the_address_that_is_said_can_be_called_and_what_is_wrong_is_said_once(tmp_path):
    ours = Authority(tmp_path / "ours", "ours")
    here = ours.issue("here", "127.0.0.1")
    tls = {"DOCK_TLS_CERT": str(here.cert), "DOCK_TLS_KEY": str(here.key), "DOCK_AUTH": "tokens"}
    data = tmp_path / "data"
    up = [*DOCK, "up", "--data", str(data), "--host", "0.0.0.0", "--port", "0", "--metrics-port", "-1"]
    with subprocess.Popen(
        up, env={**os.environ, **tls}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        said = ""
        while "Press Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        address = (data / "address").read_text().strip()
        environment = {**os.environ, "DOCK_URL": address, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        environment.pop("GRPC_VERBOSITY", None)
        strange = subprocess.run([*DOCK, "list"], env=environment, capture_output=True, text=True, check=False)
        environment["DOCK_TLS_CA"] = str(ours.ca)
        unknown = subprocess.run([*DOCK, "list"], env=environment, capture_output=True, text=True, check=False)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert address.startswith("https://127.0.0.1:")
    assert f"export DOCK_URL={address}" in said
    assert "[TLS_CERTIFICATE_UNTRUSTED]" in strange.stderr
    assert strange.stderr.startswith("Error  "), "gRPC's own words are not for users"
    assert "[TOKEN_MISSING]" in unknown.stderr
    assert (strange.returncode, unknown.returncode, process.returncode) == (1, 2, 0)
