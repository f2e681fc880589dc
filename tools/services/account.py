"""The user under whom a program runs that refuses to be root's."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A user of this system without rights."""

    name: str
    uid: int
    gid: int

    def may_pass(self, folder: Path) -> bool:
        """Whether this user gets through `folder` and all above it."""
        return all(self._may_enter(place) for place in (folder, *folder.parents))

    def _may_enter(self, folder: Path) -> bool:
        about = folder.stat()
        if about.st_uid == self.uid:
            return bool(about.st_mode & stat.S_IXUSR)
        return bool(about.st_mode & stat.S_IXOTH)

    def own(self, folder: Path) -> None:
        """Give the folder and what is in it to this user."""
        for place in (folder, *folder.rglob("*")):
            os.chown(place, self.uid, self.gid, follow_symlinks=False)


def lesser_account() -> Account | None:
    """The user to take where we are root; None where we are not, for then our own will do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    return None


def scratch_folder(name: str, account: Account | None) -> Path:
    """A new folder for temporary things, the account's own where one is given."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108 -- mkdtemp makes the folder
        if account is None or (Path(place).is_dir() and account.may_pass(Path(place))):
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=place))
            if account is not None:
                account.own(folder)
            return folder
    raise RuntimeError(f"no folder for temporary files that the user {account.name if account else ''} may enter")


def remove(folder: Path) -> None:
    """Remove a folder and what is in it; what is gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)
