from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from dock_server.memory import LARGE_BYTES, give_back_large_blocks

USE = f"""
import ctypes, sys
from dock_server.memory import give_back_large_blocks
if sys.argv[1] == "kept":
    import os; os.environ["MALLOC_MMAP_THRESHOLD_"] = "1"
give_back_large_blocks()
bytearray({2 * LARGE_BYTES})  # glibc learns here that such blocks come again
blocks = [bytearray(b"x") * {2 * LARGE_BYTES} for _ in range(20)]
last = bytearray(1 << 16)
def mib():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1]) // 1024
full = mib()
del blocks[:-1]
print(full - mib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_blocks_go_back_to_the_system_though_others_stay():
    freed = {
        way: int(subprocess.run([sys.executable, "-c", USE, way], capture_output=True, text=True, check=True).stdout)
        for way in ("given", "kept")
    }
    assert freed["given"] >= 19 * 16 - 20
    assert freed["kept"] < freed["given"] / 2


def test_who_has_decided_is_left_alone(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
    assert not give_back_large_blocks()
