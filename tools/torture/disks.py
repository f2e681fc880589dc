"""Small disks for servers: folders that are file systems of their own and can become full and empty again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOMY = "4g"


class SmallDisk:
    """A folder in memory with a size that can be changed while it is used. Only root may have one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.mounted = os.geteuid() == 0 and self._mount("-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs")

    def fill(self, spare_kib: int) -> None:
        """Leave this much room."""
        found = os.statvfs(self.folder)
        used_kib = (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
        self._mount("-o", f"remount,size={used_kib + spare_kib}k")

    def empty(self) -> None:
        """There is room again."""
        if self.mounted:
            self._mount("-o", f"remount,size={ROOMY}")

    def close(self) -> None:
        """Away with it and with all that it holds."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def _mount(self, *words: str) -> bool:
        said = subprocess.run(["mount", *words, str(self.folder)], check=False, capture_output=True)
        return said.returncode == 0
