"""The tokens of a user: given, in the environment, in a file, or kept for each dock by `dock login`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from dock_rpc.address import Address
from dock_rpc.bearer import Secret, no_token, token_file
from dock_rpc.tls import ClientTls
from learndock.errors import InvalidInput


class KeptTokens:
    """A file of tokens by address, for its owner's eyes alone. Several processes may use it at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of_user(cls) -> KeptTokens:
        """Those of this user: $XDG_CONFIG_HOME/learndock/tokens.json."""
        home = os.environ.get("XDG_CONFIG_HOME", "")
        with contextlib.suppress(RuntimeError):  # no home: nothing is kept there
            return cls((Path(home) if home else Path.home() / ".config") / "learndock" / "tokens.json")
        return cls(Path(os.devnull) / "tokens.json")

    def get(self, address: str) -> str:
        """The token for a dock, "" for none."""
        return self._read().get(place(address), "")

    def keep(self, address: str, secret: str) -> Path:
        """Keep a token in place of what was kept for the dock; return the file."""
        with self._changing() as kept:
            kept[place(address)] = secret
        return self._path

    def forget(self, address: str) -> bool:
        """Drop what is kept for a dock; False where nothing was."""
        with self._changing() as kept:
            return kept.pop(place(address), None) is not None

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, OSError):
            found = None
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise InvalidInput(
                f"{self._path} can't be read.",
                reason="TOKENS_DAMAGED",
                hint="Mend it, or remove it and `dock login` again.",
            )
        return found

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            kept = self._read()
            yield kept
            draft = self._path.with_suffix(".new")
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file, indent=1)
            draft.replace(self._path)


def place(address: str) -> str:
    """The name that a dock's token is kept under: with TLS and without are two places, and so are two names of one."""
    return str(Address.parse(address, secure=ClientTls.of_environment().wanted)).lower()


def token_for(address: str, given: str = "") -> Secret:
    """What to send to a dock: `given`, else DOCK_TOKEN, the file DOCK_TOKEN_FILE, or what `dock login` kept.

    InvalidInput TOKEN_FILE_UNREADABLE, TOKENS_DAMAGED.
    """
    secret = given or os.environ.get("DOCK_TOKEN", "").strip()
    if not secret and (file := os.environ.get("DOCK_TOKEN_FILE", "").strip()):
        return token_file(file)
    secret = secret or KeptTokens.of_user().get(address)
    return (lambda: secret) if secret else no_token


def goes_in_clear() -> bool:
    """Whether the user allowed tokens to go over a line that others may read."""
    return os.environ.get("DOCK_TOKEN_IN_CLEAR", "").strip().lower() in ("1", "true", "yes")
