"""Signed records: a text, the key that signed it, and the signature over the text's very bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NoReturn, TypeVar

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.provenance import ed25519

VERDICT = "learndock.verdict/1"
ROTATION = "learndock.key-rotation/1"
MAX_BYTES = 1 << 20


def key_id(key: bytes) -> str:
    """A short name of a public key, for people: the first 16 digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


@dataclass(frozen=True)
class SignedRecord:
    """A record as it is kept and sent. `key` is the public key, 32 bytes; `signature` 64 bytes over `text` in UTF-8.

    The text itself is signed, not what it means, so no two readers can disagree about what was.
    """

    text: str
    key: bytes
    signature: bytes

    def require_signature(self) -> None:
        """FailedPrecondition SIGNATURE_INVALID unless the key's secret signed the text."""
        if not ed25519.verify(self.key, self.text.encode(), self.signature):
            raise FailedPrecondition(
                f"The record's signature by key {key_id(self.key)} does not hold: its text or signature was changed.",
                reason="SIGNATURE_INVALID",
                hint="Do not use it. Fetch it again, and tell the dock's operator if it stays so.",
            )

    def to_json(self) -> str:
        """The form of a file: one JSON object."""
        packed = {"record": self.text, "key": _b64(self.key), "signature": _b64(self.signature)}
        return json.dumps(packed, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SignedRecord:
        """Read that form. InvalidInput RECORD_INVALID; nothing is verified yet."""
        found = _object(text)
        record, key, signature = (found.get(name) for name in ("record", "key", "signature"))
        if not (isinstance(record, str) and isinstance(key, str) and isinstance(signature, str)):
            _refuse("it has no record, key and signature")
        if not _is_text(record):
            # JSON can hold half a character; there are no bytes of it that anybody could have signed.
            _refuse("its text is none")
        try:
            return cls(record, base64.b64decode(key, validate=True), base64.b64decode(signature, validate=True))
        except (binascii.Error, ValueError):
            _refuse("its key or signature is no base64")


_Content = TypeVar("_Content", bound="_Text")


class _Text:
    """What records say, as JSON text with sorted names."""

    def to_text(self) -> str:
        """The text that is signed."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)  # type: ignore[call-overload]

    @classmethod
    def from_text(cls: type[_Content], text: str) -> _Content:  # noqa: PYI019 - Self comes with 3.11
        """Read a text. InvalidInput RECORD_INVALID where it is of another kind, or something is missing."""
        found = _object(text)
        wanted = fields(cls)  # type: ignore[arg-type]
        missing = [field.name for field in wanted if field.name not in found]
        if missing or found["format"] != cls.format:  # type: ignore[attr-defined]
            _refuse(f"it is no {cls.format}")  # type: ignore[attr-defined]
        values = {field.name: found[field.name] for field in wanted}
        for field in wanted:
            if not isinstance(values[field.name], _KINDS.get(str(field.type), object)):
                _refuse(f"its {field.name} is of the wrong kind")
        return cls(**values)


_KINDS: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "list[Any]": list, "dict[str, str]": dict}


@dataclass(frozen=True)
class VerdictRecord(_Text):
    """What a dock says of one check of one content.

    `checks` are the steps as [name, status]; `checked_by` names the software of the check with its version, plug-ins
    among it; `advisories` the known faults of installed packages; digests are SHA-256 in hexadecimal, "" where there is
    nothing; `made_at` is ISO 8601 by the dock's clock.
    """

    learnware_id: str
    version: int
    attempt: int
    accepted: bool
    reason: str
    reason_text: str
    content_sha256: str
    environment_lock_sha256: str
    sbom_sha256: str
    isolation: str
    checks: list[Any]
    checked_by: dict[str, str]
    advisories: list[Any]
    made_at: str
    format: str = VERDICT


@dataclass(frozen=True)
class KeyRotation(_Text):
    """A dock's word, signed with the old key, that it signs with the new one from now on; keys in base64."""

    old: str
    new: str
    made_at: str
    format: str = ROTATION


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        _refuse(f"it is larger than {MAX_BYTES} bytes")
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        _refuse("it is no JSON")
    if not isinstance(found, dict):
        _refuse("it is no JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refuse(why: str) -> NoReturn:
    raise InvalidInput(
        f"This is no signed record of a dock: {why}.",
        reason="RECORD_INVALID",
        hint="`dock pull` writes one beside the package.",
    )
