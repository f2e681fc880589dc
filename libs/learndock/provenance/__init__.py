"""Provenance: records that a dock signed, and whether to believe them, offline.

Nothing here needs a dock, a database or a secret; signing lies with the service that checks.
"""

from learndock.provenance.known import KnownDocks
from learndock.provenance.record import KeyRotation, SignedRecord, VerdictRecord, key_id
from learndock.provenance.trust import follow_rotations, verify_package, verify_verdict

__all__ = [
    "KeyRotation",
    "KnownDocks",
    "SignedRecord",
    "VerdictRecord",
    "follow_rotations",
    "key_id",
    "verify_package",
    "verify_verdict",
]
