"""Known docks: the public key of each, pinned when it was first met."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import ipaddress
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from learndock.errors import InvalidInput
from learndock.provenance.ed25519 import KEY_BYTES
from learndock.provenance.record import SignedRecord
from learndock.provenance.trust import follow_rotations

_KEPT = 50
"""Keys that are kept of one loopback address."""


class KnownDocks:
    """A file of keys by address. Several processes may use it at a time.

    A key that configuration gives (`fixed`, 32 bytes) is used for every dock, and nothing is written then. On the
    loopback of this machine an address is whoever's dock was started there last: keys are kept side by side, and a new
    one is no alarm.
    """

    def __init__(self, path: Path, fixed: bytes | None = None) -> None:
        self._path = path
        self._fixed = fixed

    @classmethod
    def of_user(cls) -> KnownDocks:
        """Those of this user: $XDG_CONFIG_HOME/learndock/known-docks.json, or the key that DOCK_KEY holds."""
        home = os.environ.get("XDG_CONFIG_HOME", "")
        folder = Path(home) if home else Path.home() / ".config"
        given = os.environ.get("DOCK_KEY", "")
        return cls(folder / "learndock" / "known-docks.json", parse_key(given) if given else None)

    def get(self, address: str) -> bytes | None:
        """The key known for an address, None where it was never met."""
        if self._fixed is not None:
            return self._fixed
        found = self._read().get(address)
        return base64.b64decode(found[-1]) if found else None

    def meet(self, address: str, key: bytes, rotations: Sequence[SignedRecord] = ()) -> bool:
        """Trust a dock's key: True where it is pinned now, for the first time.

        A key that a rotation leads to takes the known one's place. FailedPrecondition DOCK_KEY_CHANGED for any other.
        """
        if self.get(address) == key:
            return False
        if self._fixed is not None:
            follow_rotations(self._fixed, rotations, key)
            return False
        with self._changing() as docks:
            # Looked up again: another process may have met it meanwhile, and by another key.
            keys, text, at_home = docks.get(address, []), base64.b64encode(key).decode(), is_loopback(address)
            if keys and not at_home:
                follow_rotations(base64.b64decode(keys[-1]), rotations, key)
            docks[address] = [*(each for each in keys if at_home and each != text), text][-_KEPT:]
        return not keys

    def forget(self, address: str) -> bool:
        """Drop what is known of an address; False where nothing was."""
        with self._changing() as docks:
            return docks.pop(address, None) is not None

    def all(self) -> list[tuple[str, bytes]]:
        """Every known key with its address; the one that configuration gives, with none."""
        if self._fixed is not None:
            return [("", self._fixed)]
        return [(address, base64.b64decode(key)) for address, keys in self._read().items() for key in keys]

    def _read(self) -> dict[str, list[str]]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(_are_keys(keys) for keys in found.values()):
            raise InvalidInput(
                f"{self._path} is damaged.", reason="KNOWN_DOCKS_DAMAGED", hint="Mend it, or remove it and pin anew."
            )
        return found

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, list[str]]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            docks = self._read()
            yield docks
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(docks, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            draft.replace(self._path)


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine alone."""
    plain = address.rsplit("///", maxsplit=1)[-1].removeprefix("dns:").removeprefix("ipv4:").removeprefix("ipv6:")
    if plain.startswith(("localhost:", "[::1]:", "unix:")):
        return True
    # Names may begin with digits: 127.example.org is somewhere else.
    with contextlib.suppress(ValueError):
        return ipaddress.IPv4Address(plain.partition(":")[0]).is_loopback
    return False


def _are_keys(keys: object) -> bool:
    return isinstance(keys, list) and bool(keys) and all(_is_key(key) for key in keys)


def _is_key(key: object) -> bool:
    try:
        return isinstance(key, str) and len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def parse_key(text: str) -> bytes:
    """A public key as people write it: 32 bytes in base64, or a file that holds that. InvalidInput DOCK_KEY_INVALID."""
    place = Path(text)
    with contextlib.suppress(OSError, ValueError):
        if place.is_file():
            text = place.read_text(encoding="utf-8")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InvalidInput(
            "That is no dock's key: 32 bytes in base64 are wanted.",
            reason="DOCK_KEY_INVALID",
            hint="The operator reads it off `dock signing-key show`.",
        )
    return key
