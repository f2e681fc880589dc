"""Whether to believe a record: signed by the expected key, about this content, and saying that it passed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from learndock.errors import DockError, FailedPrecondition
from learndock.provenance.record import KeyRotation, SignedRecord, VerdictRecord, key_id


def verify_verdict(signed: SignedRecord, *, key: bytes, content_sha256: str) -> VerdictRecord:
    """The verdict of a record that `key` signed about that content.

    FailedPrecondition DOCK_KEY_CHANGED, SIGNATURE_INVALID, VERDICT_OTHER_CONTENT, VERDICT_REJECTED; InvalidInput
    RECORD_INVALID.
    """
    if signed.key != key:
        raise key_changed(key, signed.key)
    signed.require_signature()
    verdict = VerdictRecord.from_text(signed.text)
    if verdict.content_sha256 != content_sha256:
        raise FailedPrecondition(
            f"The record is about content {verdict.content_sha256[:16]}…, and this is {content_sha256[:16]}….",
            reason="VERDICT_OTHER_CONTENT",
            hint="The package or the record was exchanged. Pull it again.",
        )
    if not verdict.accepted:
        raise FailedPrecondition(
            f"The dock rejected this package: {verdict.reason} {verdict.reason_text}".strip(),
            reason="VERDICT_REJECTED",
            hint="Pull it with --unverified only to look at it.",
        )
    return verdict


def verify_package(package: Path, signed: SignedRecord, *, key: bytes) -> VerdictRecord:
    """`verify_verdict` of a package's file, whose digest is computed here."""
    hasher = hashlib.sha256()
    with package.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return verify_verdict(signed, key=key, content_sha256=hasher.hexdigest())


def follow_rotations(key: bytes, rotations: Sequence[SignedRecord], wanted: bytes) -> list[bytes]:
    """The keys from `key`, which is trusted, to `wanted`, each vouched for by the one before; [key] where they are one.

    FailedPrecondition DOCK_KEY_CHANGED where no such way leads there. Records that do not hold are no way.
    """
    ways = {key: [key]}
    for signed in rotations:
        # Not always a chain: an exchange that died halfway left a record that leads nowhere.
        if (way := ways.get(signed.key)) and (following := _vouched(signed)) and following not in ways:
            ways[following] = [*way, following]
    if wanted not in ways:
        raise key_changed(key, wanted)
    return ways[wanted]


def _vouched(signed: SignedRecord) -> bytes | None:
    """The new key of a rotation that the old one signed; None where it is none or does not hold."""
    try:
        signed.require_signature()
        rotation = KeyRotation.from_text(signed.text)
        old, new = base64.b64decode(rotation.old, validate=True), base64.b64decode(rotation.new, validate=True)
    except (DockError, ValueError):
        return None
    return new if old == signed.key else None


def key_changed(known: bytes, found: bytes) -> FailedPrecondition:
    """The error that a key is not the one known."""
    return FailedPrecondition(
        f"The dock's key is {key_id(found)}, and the one known for it is {key_id(known)}.",
        reason="DOCK_KEY_CHANGED",
        hint="Ask the operator whether it was changed; if so, `dock key forget` and pull again. If not, trust nothing.",
        details={"known": key_id(known), "found": key_id(found)},
    )
