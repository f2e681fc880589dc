"""Keys, signed records and bills of materials, as the service makes them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat

import pytest
from services.dock_checking.tests.conftest import MISFIT

from dock_checking.bill import Advisories, bill_of_materials, components
from dock_checking.signer import KEY, Signer
from learndock.errors import FailedPrecondition, InvalidInput, NotFound
from learndock.provenance import SignedRecord, VerdictRecord, follow_rotations, verify_verdict

LOCK = """\
# python 3.11.7
numpy==1.20.0 \\
    --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000 \\
    --hash=sha256:1111111111111111111111111111111111111111111111111111111111111111
scikit-learn[extra]==1.4.2 ; python_version > "3"
    # via -r lines
Odd_Name==2024.1.post1
"""


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    first, again = Signer(tmp_path / "keys"), Signer(tmp_path / "keys")
    assert first.key == again.key
    assert stat.S_IMODE((tmp_path / "keys" / KEY).stat().st_mode) == 0o600
    assert list((tmp_path / "keys").iterdir()) == [tmp_path / "keys" / KEY]


def test_a_key_that_others_can_read_is_not_used(tmp_path):
    Signer(tmp_path)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(FailedPrecondition) as caught:
        Signer(tmp_path)
    assert caught.value.reason == "DOCK_KEY_UNUSABLE"


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", os.urandom(32)])
def test_a_key_that_is_none_stops_the_service(tmp_path, content):
    (tmp_path / KEY).write_bytes(content)
    (tmp_path / KEY).chmod(0o600)
    with pytest.raises(FailedPrecondition) as caught:
        Signer(tmp_path)
    assert caught.value.reason == "DOCK_KEY_UNUSABLE"


def test_an_exchanged_key_is_vouched_for_by_the_one_before(tmp_path):
    signer = Signer(tmp_path)
    keys = [signer.key, signer.rotate(), signer.rotate()]
    assert len(set(keys)) == 3
    assert follow_rotations(keys[0], Signer(tmp_path).rotations(), keys[2]) == keys
    assert Signer(tmp_path).key == keys[2]


def test_death_between_the_record_and_the_key_leaves_the_old_key_in_force(tmp_path):
    signer = Signer(tmp_path)
    shutil.copy2(tmp_path / KEY, tmp_path / "kept")
    old = signer.key
    signer.rotate()
    (tmp_path / "kept").replace(tmp_path / KEY)
    survivor = Signer(tmp_path)
    assert survivor.key == old
    assert follow_rotations(old, survivor.rotations(), old) == [old]
    new = survivor.rotate()
    assert follow_rotations(old, survivor.rotations(), new)[-1] == new


def test_a_verdict_is_signed_in_the_transaction_that_records_it(laboratory):
    row = laboratory.house.received()
    claimed = laboratory.examiner.next()
    assert laboratory.examiner.check(claimed)
    signed, bill, rotations = laboratory.record.signed(row.learnware_id, row.version)
    record = SignedRecord.from_json(signed)
    verdict = verify_verdict(record, key=record.key, content_sha256=row.content_sha256)
    assert verdict.learnware_id == row.learnware_id
    assert verdict.isolation.startswith("bubblewrap")
    assert ["points", "passed"] in verdict.checks or ["points", "warned"] in verdict.checks
    assert verdict.checked_by["learndock"]
    assert verdict.sbom_sha256 == hashlib.sha256(bill.encode()).hexdigest()
    assert {part["name"] for part in json.loads(bill)["components"]} >= {"numpy"}
    assert rotations == []


def test_a_rejection_is_signed_too_and_not_believed(laboratory):
    row = laboratory.house.received(**MISFIT)
    laboratory.examiner.check(laboratory.examiner.next())
    record = SignedRecord.from_json(laboratory.record.signed(row.learnware_id, row.version)[0])
    assert not VerdictRecord.from_text(record.text).accepted
    with pytest.raises(FailedPrecondition) as caught:
        verify_verdict(record, key=record.key, content_sha256=row.content_sha256)
    assert caught.value.reason == "VERDICT_REJECTED"


def test_before_there_is_a_verdict_nothing_is_signed(laboratory):
    row = laboratory.house.received()
    with pytest.raises(NotFound):
        laboratory.record.signed(row.learnware_id, row.version)


def test_components_are_read_off_a_lock():
    found = [(each.name, each.version) for each in components(LOCK)]
    assert found == [("numpy", "1.20.0"), ("scikit-learn", "1.4.2"), ("odd-name", "2024.1.post1")]


def test_the_bill_says_what_depends_on_what():
    bill = json.loads(bill_of_materials(LOCK, name="iris", version="2", made_at="2026-01-01T00:00:00+00:00"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    references = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert {each["ref"] for each in bill["dependencies"]} <= references
    assert set(bill["dependencies"][0]["dependsOn"]) <= references
    assert len(references) == 4


def osv(name, *events, versions=(), ecosystem="PyPI"):
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    package = {"name": name, "ecosystem": ecosystem}
    return {"id": "X-1", "summary": "bad", "affected": [{"package": package, "ranges": ranges, "versions": versions}]}


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        (osv("numpy", {"introduced": "0"}, {"fixed": "1.21"}), True),
        (osv("NumPy", {"introduced": "1.20.0"}), True),
        (osv("numpy", {"introduced": "0"}, {"fixed": "1.20.0"}), False),
        (osv("numpy", {"introduced": "1.21"}), False),
        (osv("numpy", {"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "1.19"}, {"fixed": "1.20.1"}), True),
        (osv("numpy", versions=["1.20.0"]), True),
        (osv("numpy", versions=["1.20.1"]), False),
        (osv("numpy", {"introduced": "0"}, ecosystem="npm"), False),
        (osv("other", {"introduced": "0"}), False),
        (osv("odd_name", {"introduced": "0"}, {"fixed": "2025"}), True),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_what_is_known_to_be_vulnerable_is_told(tmp_path, entry, covered, lines):
    path = tmp_path / "osv.json"
    path.write_text(json.dumps(entry) + "\n" if lines else json.dumps([entry]))
    assert bool(Advisories.read(path).known(LOCK)) == covered


@pytest.mark.parametrize("text", ["[", "{}x", '[{"id": "a", "affected": [{}]}]', "7"])
def test_advisories_that_cannot_be_read_stop_the_service(tmp_path, text):
    path = tmp_path / "osv.json"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        Advisories.read(path)
    assert caught.value.reason == "ADVISORIES_INVALID"
