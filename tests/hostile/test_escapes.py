"""Packages that attack from within are run for real, and what they did is looked for outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dock_sandbox import ProcessSandbox
from dock_sandbox.contract.observation import appears
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import Examination, examine
from dock_sandbox.port import Limits, SandboxSpec
from dock_sandbox.running import RunningSandbox
from tests.hostile.deeds import Deed, deeds
from tests.hostile.witness import Witness
from tests.packages.models import build_package
from tests.repository.tree import ROOT

pytestmark = [pytest.mark.security, pytest.mark.sandbox]
DEEDS = deeds()
LIMITS = Limits(
    memory_bytes=400 << 20,
    call_seconds=3,
    wall_seconds=25,
    cpu_seconds=20,
    processes=30,
    scratch_bytes=32 << 20,
    output_bytes=16 << 20,
    log_bytes=256 << 10,
)

MODEL = """\
import ctypes, os, signal, socket, struct, sys, time

import numpy as np

won = []


def syscall(number, *arguments):
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.syscall.restype = ctypes.c_long
    found = kernel.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def honest(X):
    if won:
        print("WON", won)
    return (np.asarray(X)[:, 0] > 0).astype(int)


class Model:
    def __init__(self):
        self.input_shape, self.output_shape = (2,), (1,)

    def predict(self, X):
"""


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    return EnvironmentBuilder(tmp_path_factory.mktemp("environments"), offline=True)


class Keeping(ProcessSandbox):
    """Keeps the sandboxes that it started, so that the kernel's counters of their groups can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[RunningSandbox] = []

    def start(self, spec: SandboxSpec) -> RunningSandbox:
        self.started.append(super().start(spec))
        return self.started[-1]

    def breaches(self, examination: Examination) -> list[str]:
        """What the counters of the groups say against a verdict; nothing where there are no groups."""
        groups = [sandbox._processes.group for sandbox in self.started if sandbox._processes.group]
        counted = [group.counters() for group in groups]
        found = [f"{each.peak_bytes} bytes" for each in counted if not 0 < each.peak_bytes <= LIMITS.memory_bytes]
        kills = any(each.kills for each in counted)
        if kills and examination.reason != "SANDBOX_MEMORY":
            found.append("somebody was killed for memory")
        if groups and not kills and "by the cgroup" in examination.reason_text:
            found.append("nobody was killed for memory")
        return found + ["a group was left" for group in groups if group.folder.exists()]


def run(deed: Deed, folder: Path, environments: EnvironmentBuilder) -> tuple[Examination, list[str]]:
    witness, runner = Witness(folder / "outside", watched=[environments._cache]), Keeping()
    try:
        body = "".join(f"        {line}\n" for line in witness.fill(deed.body).splitlines())
        package = build_package(folder / "deed.zip", model_source=MODEL + body)
        examination = examine(
            package,
            semantic=None,
            runner=runner,
            environments=environments,
            scratch=folder / "scratch",
            rng=np.random.default_rng(0),
            on_step=lambda _: None,
            limits=LIMITS,
            checkers=(),
        )
        return examination, witness.breaches(examination.log) + runner.breaches(examination)
    finally:
        witness.close()


def test_there_are_as_many_as_is_said():
    assert f"packs {len(DEEDS)} attacks" in (ROOT / "docs/security.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def _ready(environments, tmp_path_factory):
    """The environment is built before anything is compared with how it was."""
    honest = Deed("none", "return honest(X)")
    examination, breaches = run(honest, tmp_path_factory.mktemp("honest"), environments)
    assert examination.accepted, examination
    assert breaches in ([], [f"{environments._cache} changed"])  # it was built just now


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
def test_nothing_gets_out(deed, tmp_path, environments):
    examination, breaches = run(deed, tmp_path, environments)
    assert breaches == [], examination.log[-2000:]
    assert "WON" not in examination.log, examination.log[-2000:]
    assert examination.reason in deed.ends, (examination.reason, examination.reason_text, examination.log[-1500:])
    assert examination.log.replace("\n", "").replace("\t", "").isprintable()
    assert not any((tmp_path / "scratch").iterdir())


def test_the_witness_sees_what_it_is_there_for(tmp_path):
    """The same deeds done outside of any sandbox are seen, each by its own sense."""
    import socket
    import subprocess

    witness = Witness(tmp_path / "outside", patience_s=1)
    callers = [socket.create_connection(witness.listeners["tcp"].getsockname())]
    callers += [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)]
    callers += [socket.socket(socket.AF_UNIX)]
    callers[1].sendto(b"x", witness.listeners["udp"].getsockname())
    callers[2].sendto(b"x", f"\0{witness.marker}-datagram")
    callers[3].connect(f"\0{witness.marker}")
    (witness.neighbour / "weights").write_bytes(b"mine")
    (Path("/dev/shm") / witness.marker).write_text("x")
    Path(f"/tmp/{witness.marker}").write_text("x")
    stray = subprocess.Popen(["sleep", "30"], executable="/bin/sleep")
    stray.kill()
    left = subprocess.Popen(["bash", "-c", f"sleep 30; : {witness.marker}"])
    assert appears(witness.marker)
    witness.victim.kill()
    witness.victim.wait()
    try:
        found = set(witness.breaches(witness.secret.read_text()))
    finally:
        for caller in callers:
            caller.close()
        left.kill()
        stray.wait()
        left.wait()
        witness.close()
        (Path("/dev/shm") / witness.marker).unlink()
        Path(f"/tmp/{witness.marker}").unlink()
    assert found >= {
        "tcp heard something",
        "udp heard something",
        "abstract heard something",
        "abstract-datagram heard something",
        f"{tmp_path / 'outside'} changed",
        "/dev/shm changed",
        "marked files changed",
        "a process outside was ended",
        "a process was left behind",
        "a secret was read",
    }
