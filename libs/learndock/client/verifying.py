"""Believing what is pulled: the dock's signed verdict is fetched, verified and kept beside the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockapi.checking.v1 import checking_pb2 as pb
from learndock.client.records import LearnwareRecord
from learndock.errors import FailedPrecondition, NotFound
from learndock.provenance import KnownDocks, SignedRecord, VerdictRecord, key_id, verify_package, verify_verdict

SUFFIX = ".verdict.json"


@dataclass(frozen=True)
class Attestation:
    """A dock's signed verdict and what it says, believed; `bill` is the bill of the environment, CycloneDX JSON.

    `first_met` is whether the dock's key was pinned just now.
    """

    signed: SignedRecord
    verdict: VerdictRecord
    bill: str
    first_met: bool


class Verifier:
    """Verifies what one dock gives, by the key known for its address."""

    def __init__(self, stub: Any, address: str, known: KnownDocks) -> None:
        self._stub = stub
        self._address = address
        self._known = known

    def verify(self, record: LearnwareRecord) -> Attestation:
        """The attestation of a version. The dock's key is pinned when it is first met.

        FailedPrecondition VERDICT_UNSIGNED, DOCK_KEY_CHANGED, SIGNATURE_INVALID, VERDICT_OTHER_CONTENT,
        VERDICT_REJECTED.
        """
        found = self._fetch(record)
        signed = SignedRecord.from_json(found.signed_record)
        verdict = verify_verdict(signed, key=signed.key, content_sha256=record.content_sha256)
        if (verdict.learnware_id, verdict.version) != (record.learnware_id, record.version):
            raise _of_another(verdict, record)
        rotations = [SignedRecord.from_json(each) for each in found.key_rotations]
        return Attestation(
            signed, verdict, found.bill_of_materials, self._known.meet(self._address, signed.key, rotations)
        )

    def _fetch(self, record: LearnwareRecord) -> Any:
        request = pb.GetVerdictRecordRequest(learnware_id=record.learnware_id, version=record.version)
        try:
            return self._stub.GetVerdictRecord(request)
        except NotFound as error:
            raise FailedPrecondition(
                f"Nothing vouches for {record.learnware_id}: {error.message}",
                reason="VERDICT_UNSIGNED",
                hint="Wait for its check; --unverified fetches it all the same, to look at.",
            ) from error


def keep(found: Attestation, package: Path) -> Path:
    """Write the signed verdict beside a package, for `dock verify`; the file."""
    path = package.with_name(package.name + SUFFIX)
    draft = path.with_name(path.name + ".part")
    draft.write_text(found.signed.to_json() + "\n", encoding="utf-8")
    draft.replace(path)
    return path


def verify_kept(
    package: Path, verdict: Path | None = None, key: bytes | None = None
) -> tuple[VerdictRecord, list[str]]:
    """Verify a package by a kept verdict, offline; the verdict, and the known docks whose key signed it.

    `verdict` is the file beside the package unless given; without `key` that of any known dock will do. NotFound
    FILE_NOT_FOUND; FailedPrecondition DOCK_KEY_UNKNOWN, and what `verify_package` raises.
    """
    _present(package)
    signed = SignedRecord.from_json(_text(verdict or package.with_name(package.name + SUFFIX)))
    if key is not None:
        return verify_package(_present(package), signed, key=key), []
    docks = [address for address, known in KnownDocks.of_user().all() if known == signed.key]
    if not docks:
        raise FailedPrecondition(
            f"The verdict was signed with key {key_id(signed.key)}, which is no known dock's.",
            reason="DOCK_KEY_UNKNOWN",
            hint="Give the dock's key with --key, or pull something from the dock first. After the dock exchanged its "
            "key, pull the package again.",
        )
    return verify_package(_present(package), signed, key=signed.key), docks


def _present(path: Path) -> Path:
    if path.is_file():
        return path
    raise NotFound(
        f"There is no zip {path}.", reason="FILE_NOT_FOUND", hint="Give a package that `dock pull` has fetched."
    )


def _text(path: Path) -> str:
    if not path.is_file():
        raise NotFound(
            f"There is no signed verdict {path}.",
            reason="FILE_NOT_FOUND",
            hint="`dock pull` fetches a package with its verdict; --verdict names one that lies elsewhere.",
        )
    return path.read_text(encoding="utf-8", errors="replace")


def _of_another(verdict: VerdictRecord, record: LearnwareRecord) -> FailedPrecondition:
    return FailedPrecondition(
        f"The dock's record is about {verdict.learnware_id} version {verdict.version}, not about "
        f"{record.learnware_id} version {record.version}.",
        reason="VERDICT_OTHER_CONTENT",
        hint="Tell the dock's operator.",
    )
