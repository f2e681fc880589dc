from __future__ import annotations

import struct

import numpy as np
import pytest

from dock_sandbox import ProcessSandbox
from dock_sandbox.syscalls import make_filter
from dock_sandbox.tests.test_process import spec_of

CALLS = """
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
            kernel.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"size=1g"),
            kernel.shmget(0, ctypes.c_size_t(1 << 20), 0o1600),
            kernel.syscall(250, 0, 0, 0, 0, 0),
            kernel.syscall(425, 1, 0),
        ]
        return np.array(tried)
"""


@pytest.mark.sandbox
@pytest.mark.skipif(make_filter() != make_filter("x86_64"), reason="the numbers above are those of x86_64")
def test_no_name_space_no_mount_and_no_memory_that_nobody_is_charged_for(tmp_path):
    with ProcessSandbox().start(spec_of(tmp_path / "package", CALLS)) as sandbox:
        sandbox.instantiate()
        assert sandbox.predict(np.zeros((1, 2))).tolist() == [-1] * 6


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_lands_inside_and_the_end_is_a_return(machine):
    program = list(struct.iter_unpack("=HBBI", make_filter(machine)))
    for at, (code, if_true, if_false, _) in enumerate(program):
        if code in (0x15, 0x35, 0x45):
            assert at + 1 + max(if_true, if_false) < len(program)
    assert program[-1] == (0x06, 0, 0, 0x7FFF0000)


def test_a_machine_without_known_numbers_has_no_filter():
    assert make_filter("m68k") is None
