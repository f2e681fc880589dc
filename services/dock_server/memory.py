"""What the process asks of the C library's memory."""

from __future__ import annotations

import ctypes
import os

LARGE_BYTES = 8 << 20
_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> bool:
    """Have blocks from 8 MiB on returned to the system when they are freed; False where the C library can't.

    glibc otherwise learns from the first large messages to keep such blocks: after a crowd of them the process would
    stay several times as large as before. Whoever sets MALLOC_MMAP_THRESHOLD_ has decided already.
    """
    if "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))
    except (OSError, AttributeError, TypeError):  # not glibc, or not a system with one C library
        return False
