"""All checkers of a dock sign with one key: who has another is refused before it signs anything."""

from __future__ import annotations

import logging
from pathlib import Path

from dock_checking.signer import KEY, Signer
from dock_db import Database
from dock_db.signing import SigningKeys
from learndock.errors import FailedPrecondition
from learndock.provenance import follow_rotations, key_id

_HINT = (
    "Give every checker the same folder by DOCK_CHECKING_KEYS: one that they share, or copies of it. "
    "Where the old key is lost, start one checker once with DOCK_CHECKING_NEW_KEY=true."
)
_log = logging.getLogger(__name__)


def agreed_signer(database: Database, folder: Path, *, new_key: bool = False) -> Signer:
    """The signer with the key of the folder, once the database has it on record as the dock's.

    The first checker puts its key on record, and one whose key followed from that by `dock signing-key rotate` the new
    one. Otherwise FailedPrecondition DOCK_KEY_MISSING (and no key is made) or DOCK_KEY_DIFFERENT, unless `new_key`.
    """
    with database.read() as session:
        known = SigningKeys().get(session)
    if known is not None and not new_key and not (folder / KEY).is_file():
        raise FailedPrecondition(
            f"The dock signs with the key {key_id(known)}, and there is no key in {folder}.",
            reason="DOCK_KEY_MISSING",
            hint=_HINT,
        )
    signer = Signer(folder)
    with database.transaction(wake=False) as session:
        known = SigningKeys().record(session, signer.key)
        if known == signer.key:
            return signer
        if not new_key:
            _require_way(known, signer, folder)
        SigningKeys().replace(session, signer.key)
    _log.warning("the dock signs with the key %s now, no longer with %s", key_id(signer.key), key_id(known))
    return signer


def _require_way(known: bytes, signer: Signer, folder: Path) -> None:
    try:
        follow_rotations(known, signer.rotations(), signer.key)
    except FailedPrecondition:
        raise FailedPrecondition(
            f"The dock signs with the key {key_id(known)}; the one in {folder} is {key_id(signer.key)}.",
            reason="DOCK_KEY_DIFFERENT",
            hint=_HINT,
        ) from None
