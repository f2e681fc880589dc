"""What ends a server when we can't any more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

# It reads the process to end, or "-" for none, and acts when the pipe closes, which it does however we die.
_SCRIPT = """
signal=$1; shift
pid=-
while read -r word; do pid=$word; done
if [ "$pid" != - ]; then
  kill -s "$signal" "$pid" 2>/dev/null
  n=0
  while [ $n -lt 50 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
  kill -s KILL -- "-$pid" 2>/dev/null
fi
[ $# -gt 0 ] && rm -rf -- "$@"
exit 0
"""


class Guard:
    """A small process that ends one other, and removes folders, once this Python is gone: also after kill -9.

    A parent-death signal would not do: it is bound to the thread that started the child, and lost when
    the user changes.
    """

    def __init__(self, signal: str, folders: Sequence[Path] = ()) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guard", signal, *(str(folder) for folder in folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        """End the process group `pid` when this Python is gone; 0 for none."""
        assert self._shell.stdin is not None
        os.write(self._shell.stdin.fileno(), f"{pid or '-'}\n".encode())

    def close(self) -> None:
        """End the watched process and remove the folders now."""
        if self._shell.stdin is not None and not self._shell.stdin.closed:
            self._shell.stdin.close()
        self._shell.wait()
