from __future__ import annotations

import struct

import numpy as np
import pytest

from dock_sandbox import Limits, ProcessSandbox
from dock_sandbox.contract.cases import reason_of
from dock_sandbox.syscalls import make_filter, make_trap, name_of
from dock_sandbox.tests.test_process import spec_of

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PATIENT = Limits(memory_bytes=1 << 30, call_seconds=300.0)
ALLOW, ERRNO, TRACE, NOTIFY, KILL = 0x7FFF0000, 0x00050000, 0x7FF00000, 0x7FC00000, 0x80000000
EPERM, ENOSYS = 1, 38
PROGRAMS = {
    (machine, name): program
    for machine in MACHINES
    for name, program in {
        "filter": make_filter(machine),
        "telling": make_trap(machine, notify=True),
        "killing": make_trap(machine, notify=False),
    }.items()
}
intel_only = pytest.mark.skipif(make_filter() != make_filter("x86_64"), reason="these numbers are those of x86_64")

REFUSED = """
import ctypes
import threading

import numpy as np

kernel = ctypes.CDLL(None, use_errno=True)


class Model:
    def predict(self, X):
        threading.Thread(target=lambda: None).start()
        tried = [
            kernel.unshare(0x10000000),
            kernel.syscall(56, 0x10000011, 0, 0, 0, 0),
            kernel.shmget(0, ctypes.c_size_t(1 << 20), 0o1600),
            kernel.syscall(425, 1, 0),
            kernel.syscall(298, 0, 0, -1, -1, 0),
            kernel.syscall(310, 1, 0, 0, 0, 0, 0),
        ]
        return np.array(tried)
"""
FORBIDDEN = """
import ctypes, os, signal, time

kernel = ctypes.CDLL(None, use_errno=True)


class Model:
    def predict(self, X):
        {body}
        print("WENT ON", flush=True)
        return X
"""
HONEST = """
import ctypes.util, multiprocessing, platform, subprocess, threading

import numpy as np
import scipy.linalg
from sklearn.ensemble import RandomForestClassifier


class Model:
    def predict(self, X):
        platform.platform(), ctypes.util.find_library("m"), subprocess.run(["/bin/ls", "/"], check=True)
        with multiprocessing.Pool(2) as pool:
            pool.map(abs, range(4))
        scipy.linalg.svd(np.eye(50))
        return RandomForestClassifier(5, n_jobs=2).fit(X, np.arange(len(X)) % 2).predict(X)
"""


def decide(program, number, audit, argument=0):
    """What the kernel would: runs a program of classic BPF on one call."""
    steps, at, held = list(struct.iter_unpack("=HBBI", program)), 0, 0
    seen = {0: number, 4: audit, 16: argument}
    while True:
        code, if_true, if_false, value = steps[at]
        if code == 0x06:
            return value
        if code == 0x20:
            held, jump = seen[value], 0
        else:
            jump = if_true if {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code] else if_false
        at += 1 + jump


@pytest.mark.sandbox
@intel_only
def test_what_libraries_try_is_refused_and_the_model_goes_on(tmp_path):
    with ProcessSandbox().start(spec_of(tmp_path / "package", REFUSED)) as sandbox:
        sandbox.instantiate()
        assert sandbox.predict(np.zeros((1, 2))).tolist() == [-1] * 6


@pytest.mark.sandbox
@intel_only
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("kernel.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, b'size=1g')", "it called mount."),
        ("kernel.syscall(250, 0, 0, 0, 0, 0)", "it called keyctl."),
        ("os.fork() or (kernel.ptrace(0, 0, 0, 0), os._exit(0)); os.wait()", "it called ptrace."),
        ("os.fork() or os.setsid() or os.fork() or kernel.syscall(321, 0, 0, 0); time.sleep(20)", "it called bpf."),
        ("os.kill(os.getpid(), signal.SIGSYS); time.sleep(20)", "(SIGSYS)."),
    ],
)
def test_what_is_forbidden_ends_the_sandbox_whoever_calls_it(tmp_path, body, said):
    package = spec_of(tmp_path / "package", FORBIDDEN.replace("{body}", body))
    with ProcessSandbox().start(package) as sandbox:
        sandbox.instantiate()
        assert reason_of(lambda: sandbox.predict(np.zeros((1, 2)))) == "SANDBOX_FORBIDDEN_SYSCALL"
        outcome = sandbox.outcome()
    assert outcome.reason == "SANDBOX_FORBIDDEN_SYSCALL"
    assert outcome.text.endswith(said)
    assert "WENT ON" not in outcome.log


@pytest.mark.sandbox
def test_signals_do_not_hide_a_forbidden_call(tmp_path):
    """Each takes the caller out of its waiting; it is seen at one of its tries."""
    body = "signal.signal(14, lambda *_: None); signal.setitimer(0, 1e-3, 1e-3)\n"
    body += "        for _ in range(10**6): kernel.umount2(b'/', 0)"
    package = spec_of(tmp_path / "package", FORBIDDEN.replace("{body}", body), limits=PATIENT)
    with ProcessSandbox().start(package) as sandbox:
        sandbox.instantiate()
        assert reason_of(lambda: sandbox.predict(np.zeros((1, 2)))) == "SANDBOX_FORBIDDEN_SYSCALL"


@pytest.mark.sandbox
def test_honest_libraries_never_step_into_the_trap(tmp_path):
    with ProcessSandbox().start(spec_of(tmp_path / "package", HONEST, limits=PATIENT)) as sandbox:
        sandbox.instantiate()
        assert len(sandbox.predict(np.random.default_rng(0).normal(size=(20, 2)))) == 20
        assert sandbox.outcome().reason == ""


@pytest.mark.parametrize(("machine", "name"), PROGRAMS)
def test_every_jump_lands_inside_and_the_end_is_a_return(machine, name):
    program = list(struct.iter_unpack("=HBBI", PROGRAMS[machine, name]))
    for at, (code, if_true, if_false, _) in enumerate(program):
        if code in (0x15, 0x35, 0x45):
            assert at + 1 + max(if_true, if_false) < len(program)
    assert program[-1] == (0x06, 0, 0, ALLOW)


@pytest.mark.parametrize(
    ("machine", "refused", "forbidden", "allowed"),
    [
        (
            "x86_64",
            [29, 68, 272, 298, 310, 323, 425, 447],
            [101, 165, 166, 246, 248, 250, 304, 308, 321],
            [0, 1, 57, 257],
        ),
        ("aarch64", [97, 186, 194, 241, 270, 282, 425, 447], [39, 40, 117, 104, 217, 219, 265, 268, 280], [63, 64, 56]),
    ],
)
def test_each_machine_has_its_own_numbers(machine, refused, forbidden, allowed):
    audit = MACHINES[machine]
    first, telling, killing = (PROGRAMS[machine, name] for name in ("filter", "telling", "killing"))
    for number in refused:
        assert decide(first, number, audit) == ERRNO | EPERM
        assert decide(telling, number, audit) == decide(killing, number, audit) == ALLOW
    for number in forbidden:
        # Without the second filter nothing traces, and the kernel answers ENOSYS.
        assert decide(first, number, audit) == TRACE
        assert (decide(telling, number, audit), decide(killing, number, audit)) == (NOTIFY, KILL)
        assert not name_of(number, machine).startswith("call")
    for number in allowed:
        assert decide(first, number, audit) == decide(telling, number, audit) == ALLOW


@pytest.mark.parametrize(("machine", "clone"), [("x86_64", 56), ("aarch64", 220)])
def test_name_spaces_and_other_machines_calls_are_refused(machine, clone):
    audit, program = MACHINES[machine], PROGRAMS[machine, "filter"]
    assert decide(program, clone, audit, 0x11) == ALLOW
    assert decide(program, clone, audit, 0x10000011) == ERRNO | EPERM
    assert decide(program, 435, audit) == ERRNO | ENOSYS
    assert decide(program, 1, 0x40000003) == decide(program, 0x40000001, audit) == ERRNO | ENOSYS


def test_a_machine_without_known_numbers_has_no_filter():
    assert make_filter("m68k") is make_trap("m68k", notify=True) is None
    assert name_of(7, "m68k") == "call 7"
