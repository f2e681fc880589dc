"""One check from claim to verdict, fenced by the attempt number (guarantees G3 and G4)."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dock_blob import BlobStore
from dock_checking.notary import Notary
from dock_checking.settings import CheckingSettings
from dock_db import CheckSteps, Database, LearnwareRow, Learnwares, State, VerdictRow, Verdicts, dialect
from dock_db.lease import Leases
from dock_failpoint import failpoint
from dock_sandbox import SandboxRunner
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import Examination, examine
from dock_trace import note, span
from learndock.check import Step
from learndock.errors import FailedPrecondition, Unavailable
from learndock.package import PackageLimits
from learndock.semantic import SemanticSpecification

_DEFAULTS = PackageLimits()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workbench:
    """What a check needs of its host."""

    runner: SandboxRunner
    environments: EnvironmentBuilder
    scratch: Path
    package_limits: PackageLimits = _DEFAULTS


class Examiner:
    """Claims one waiting learnware, examines it and records the verdict."""

    def __init__(
        self, database: Database, blobs: BlobStore, bench: Workbench, notary: Notary, settings: CheckingSettings
    ) -> None:
        self._notary = notary
        self._database = database
        self._blobs = blobs
        self._bench = bench
        self._settings = settings
        self._learnwares = Learnwares()
        self._steps = CheckSteps()
        self._leases = Leases(database, settings.lease_s)

    def next(self) -> LearnwareRow | None:
        """Claim the learnware whose turn it is, fair among owners; None where nothing waits."""
        with self._database.transaction() as session:
            for waiting in self._learnwares.next_waiting(session, State.RECEIVED, limit=4):
                claimed = self._learnwares.claim(
                    session,
                    waiting.learnware_id,
                    waiting.version,
                    working=State.CHECKING,
                    lease_s=self._settings.lease_s,
                )
                if claimed is not None:
                    return claimed
        return None

    def check(self, row: LearnwareRow) -> bool:
        """Examine a claimed learnware; True where this attempt's verdict counts.

        A fault of the host leaves the row claimed; its lease runs out and the check is tried again.
        """
        with span("check", parent=row.cause, about={**row.about("checking"), "attempt": row.attempt}):
            return self._check(row)

    def _check(self, row: LearnwareRow) -> bool:
        failpoint("checking.claimed")
        folder = Path(tempfile.mkdtemp(prefix="check-", dir=self._bench.scratch))
        try:
            with self._leases.holding(row):
                examination = self._examine(row, folder)
            failpoint("checking.before_verdict")
            return self._record(row, examination)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def give_back(self) -> int:
        """Let others at once have what is still under check here; return how many that were."""
        return self._leases.give_back()

    def _examine(self, row: LearnwareRow, folder: Path) -> Examination:
        package = self._fetch(row, folder)
        return examine(
            package,
            semantic=SemanticSpecification.from_json(row.semantic_json),
            runner=self._bench.runner,
            environments=self._bench.environments,
            scratch=self._bench.scratch,  # where those that serve lie: a model sees the path
            rng=np.random.default_rng(self._settings.seed),
            on_step=lambda step: self._append(row, step),
            package_limits=self._bench.package_limits,
        )

    def _fetch(self, row: LearnwareRow, folder: Path) -> Path:
        package = folder / "package.zip"
        hasher = hashlib.sha256()
        with package.open("wb") as out:
            for chunk in self._blobs.read(row.blob_key):
                hasher.update(chunk)
                out.write(chunk)
        if hasher.hexdigest() != row.content_sha256:  # the disk's fault, for which nobody is rejected
            raise Unavailable(
                f"The package of {row.learnware_id} is not as it was accepted.",
                reason="PACKAGE_DAMAGED",
                hint="The store is damaged: stop the dock and run `dock fsck`.",
            )
        return package

    def _append(self, row: LearnwareRow, step: Step) -> None:
        failpoint("checking.step")
        if step.status != "running":
            failed = "failed" if step.status == "failed" else ""
            note(f"check {step.name}", step.seconds, attributes={"dock.step.status": step.status}, error=failed)
        try:
            with self._database.transaction() as session:
                self._steps.append(session, row.learnware_id, row.version, row.attempt, step)
        except FailedPrecondition as error:  # in a check that would count as the package's fault
            raise Unavailable(error.message, reason=error.reason, hint=error.hint) from error

    def _record(self, row: LearnwareRow, examination: Examination) -> bool:
        verdict = _verdict(row, examination)
        with self._database.transaction() as session:
            counted = self._learnwares.finish(
                session,
                row.learnware_id,
                row.version,
                attempt=row.attempt,
                to=State.ACCEPTED if examination.accepted else State.REJECTED,
                reason=examination.reason,
                reason_text=examination.reason_text,
                verdict_id=verdict.verdict_id,
            )
            if counted:
                Verdicts().record(session, verdict)
                failpoint("checking.before_signature")
                attested = self._notary.attest(verdict, examination, row.name, dialect.now(session))
                Verdicts().keep_record(session, verdict.verdict_id, attested.signed.to_json(), attested.bill)
                failpoint("checking.after_signature")
        failpoint("checking.after_verdict")
        if counted:
            ended = "accepted" if examination.accepted else f"rejected: {examination.reason}"
            _log.info("%s version %d is %s", row.learnware_id, row.version, ended)
        else:
            _log.warning("late verdict ignored", extra={"learnware": row.learnware_id, "attempt": row.attempt})
        return counted


def _verdict(row: LearnwareRow, examination: Examination) -> VerdictRow:
    environment = examination.environment
    return VerdictRow(
        verdict_id=uuid.uuid4().hex,
        learnware_id=row.learnware_id,
        version=row.version,
        attempt=row.attempt,
        accepted=examination.accepted,
        reason=examination.reason,
        reason_text=examination.reason_text,
        log=examination.log,
        content_sha256=row.content_sha256,
        environment_lock_sha256=environment.lock_sha256 if environment else "",
        dropped_requirements=environment.dropped if environment else (),
        isolation=examination.isolation,
        made_at=0.0,
    )
