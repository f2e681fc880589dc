"""Turns a verdict into the record that a dock signs, with the bill of what was installed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import learndock
from dock_checking.bill import Advisories, bill_of_materials
from dock_checking.signer import Signer
from dock_db import VerdictRow
from dock_sandbox.examination import Examination
from learndock import plugins
from learndock.provenance import SignedRecord, VerdictRecord


@dataclass(frozen=True)
class Attested:
    """What is kept beside a verdict; `bill` is CycloneDX JSON, "" where no environment was built."""

    signed: SignedRecord
    bill: str


class Notary:
    """Signs verdicts, knowing the advisories that the operator gave."""

    def __init__(self, signer: Signer, advisories: Advisories) -> None:
        self._signer = signer
        self._advisories = advisories

    def attest(self, verdict: VerdictRow, examination: Examination, name: str, at: float) -> Attested:
        """The signed record of a verdict made at `at`, seconds since 1970 by the database's clock."""
        made_at = datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="seconds")
        lock = examination.environment.lock if examination.environment else ""
        bill = bill_of_materials(lock, name=name, version=str(verdict.version), made_at=made_at) if lock else ""
        record = VerdictRecord(
            learnware_id=verdict.learnware_id,
            version=verdict.version,
            attempt=verdict.attempt,
            accepted=verdict.accepted,
            reason=verdict.reason,
            reason_text=verdict.reason_text,
            content_sha256=verdict.content_sha256,
            environment_lock_sha256=verdict.environment_lock_sha256,
            sbom_sha256=hashlib.sha256(bill.encode()).hexdigest() if bill else "",
            isolation=verdict.isolation,
            checks=[[step.name, step.status] for step in examination.steps],
            checked_by=dict(software()),
            advisories=self._advisories.known(lock),
            made_at=made_at,
        )
        return Attested(self._signer.sign(record.to_text()), bill)

    def signed_anew(self, signed: str) -> str:
        """A kept record with the present key's signature, so that a key which was exchanged need not be believed."""
        kept = SignedRecord.from_json(signed)
        return signed if kept.key == self._signer.key else self._signer.sign(kept.text).to_json()

    def rotations(self) -> list[str]:
        """Every exchange of the key, oldest first, as JSON."""
        return [each.to_json() for each in self._signer.rotations()]


def software() -> Mapping[str, str]:
    """What made the check, by name and version: the dock, and each checker that came with another package."""
    found = {"learndock": learndock.__version__}
    for each in plugins.listing():
        if each.kind == plugins.CHECKERS.name:
            found[f"checker {each.name}"] = f"{each.package} {each.version}"
    return found
