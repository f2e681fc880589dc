"""The dock's key: made once, kept where only the dock reads it, and exchanged with a record by the old one."""

from __future__ import annotations

import base64
import contextlib
import os
from datetime import datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition
from learndock.provenance import KeyRotation, SignedRecord

KEY = "verdict-key.pem"
ROTATIONS = "rotations.jsonl"


class Signer:
    """Signs records with the key in a folder; the key is made where there is none. Replicas may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secret = _load_or_make(folder / KEY)

    @property
    def key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._secret.public_key().public_bytes_raw()

    def sign(self, text: str) -> SignedRecord:
        """The text with this dock's signature."""
        return SignedRecord(text, self.key, self._secret.sign(text.encode()))

    def rotations(self) -> list[SignedRecord]:
        """Every exchange of the key so far, oldest first."""
        try:
            lines = (self._folder / ROTATIONS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [SignedRecord.from_json(line) for line in lines if line]

    def rotate(self) -> bytes:
        """Exchange the key for a new one; the new public key. A dock that runs takes it up when it starts again.

        The record is on disk before the key is, so that whoever meets the new key can always be shown the way to it.
        """
        new = Ed25519PrivateKey.generate()
        record = KeyRotation(_b64(self.key), _b64(new.public_key().public_bytes_raw()), _now())
        line = self.sign(record.to_text()).to_json() + "\n"
        with (self._folder / ROTATIONS).open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        draft = self._folder / f"{KEY}.new"
        _write_secret(draft, new)
        failpoint("signing_key.before_replace")
        draft.replace(self._folder / KEY)
        self._secret = new
        return self.key


def _load_or_make(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        _write_secret(draft, Ed25519PrivateKey.generate())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # the first of several that start at once wins
        draft.unlink()
    if path.stat().st_mode & 0o077:
        raise _unusable(path, "others than its owner may read it", f"Close it: chmod 600 {path}")
    try:
        secret = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error), "Restore it from the backup.") from error
    if not isinstance(secret, Ed25519PrivateKey):
        raise _unusable(path, "it is no Ed25519 key", "Restore it from the backup.")
    return secret


def _write_secret(path: Path, secret: Ed25519PrivateKey) -> None:
    data = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _unusable(path: Path, why: str, hint: str) -> FailedPrecondition:
    return FailedPrecondition(f"The dock's key {path} can't be used: {why}.", reason="DOCK_KEY_UNUSABLE", hint=hint)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
