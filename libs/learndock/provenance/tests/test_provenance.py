"""Signatures, records, pinned keys and rotations: what is believed and what is not."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.provenance import (
    KeyRotation,
    KnownDocks,
    SignedRecord,
    VerdictRecord,
    follow_rotations,
    verify_package,
    verify_verdict,
)
from learndock.provenance.ed25519 import _ORDER, verify
from learndock.provenance.known import is_loopback, parse_key

# RFC 8032, section 7.1: secret, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d291612bb0c00",
    ),
]


def key():
    secret = Ed25519PrivateKey.generate()
    return secret, secret.public_key().public_bytes_raw()


def verdict(**changes):
    record = VerdictRecord(
        learnware_id="00000001",
        version=1,
        attempt=1,
        accepted=True,
        reason="",
        reason_text="",
        content_sha256=hashlib.sha256(b"package").hexdigest(),
        environment_lock_sha256="",
        sbom_sha256="",
        isolation="bubblewrap",
        checks=[["predict", "passed"]],
        checked_by={"learndock": "0.1.0"},
        advisories=[],
        made_at="2026-01-01T00:00:00+00:00",
    )
    return replace(record, **changes)


def signed(secret, record):
    text = record.to_text()
    return SignedRecord(text, secret.public_key().public_bytes_raw(), secret.sign(text.encode()))


def rotation(old, new):
    names = [base64.b64encode(each.public_key().public_bytes_raw()).decode() for each in (old, new)]
    return signed(old, KeyRotation(*names, "2026-01-01T00:00:00+00:00"))


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(secret, public, message, signature):
    public, message, signature = map(bytes.fromhex, (public, message, signature))
    assert verify(public, message, signature)
    assert not verify(public, message + b"x", signature)
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(message) == signature


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 64 * 8 - 1))
def test_what_the_kept_library_signs_holds_and_any_flipped_bit_breaks_it(seed, message, bit):
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = secret.public_key().public_bytes_raw(), secret.sign(message)
    assert verify(public, message, signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not verify(public, message, bytes(flipped))


def test_one_message_has_one_signature_of_a_kind():
    secret, public = key()
    signature = secret.sign(b"m")
    higher = (int.from_bytes(signature[32:], "little") + _ORDER).to_bytes(32, "little")
    assert not verify(public, b"m", signature[:32] + higher)


@pytest.mark.parametrize("bad", [bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"\2" + bytes(31), b"", bytes(31)])
def test_keys_that_are_none(bad):
    secret, _ = key()
    assert not verify(bad, b"m", secret.sign(b"m"))
    assert not verify(bad, b"m", (b"\1" + bytes(31)) + bytes(32))


def test_a_signed_verdict_is_believed_and_read_back(tmp_path):
    secret, public = key()
    path = tmp_path / "package.zip"
    path.write_bytes(b"package")
    record = SignedRecord.from_json(signed(secret, verdict()).to_json())
    assert verify_package(path, record, key=public) == verdict()


def change_text(record):
    return replace(record, text=record.text.replace("bubblewrap", "bubblewarp"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_text, "SIGNATURE_INVALID"),
        (lambda record: replace(record, signature=bytes(64)), "SIGNATURE_INVALID"),
        (lambda record: replace(record, signature=b""), "SIGNATURE_INVALID"),
        (lambda _: signed(key()[0], verdict()), "DOCK_KEY_CHANGED"),
    ],
)
def test_what_was_changed_is_not_believed(change, reason):
    secret, public = key()
    with pytest.raises(FailedPrecondition) as caught:
        verify_verdict(change(signed(secret, verdict())), key=public, content_sha256=verdict().content_sha256)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (verdict(content_sha256="0" * 64), "VERDICT_OTHER_CONTENT"),
        (verdict(accepted=False, reason="PREDICT_FAILED"), "VERDICT_REJECTED"),
    ],
)
def test_a_true_record_about_something_else_is_not_believed(record, reason):
    secret, public = key()
    with pytest.raises(FailedPrecondition) as caught:
        verify_verdict(signed(secret, record), key=public, content_sha256=verdict().content_sha256)
    assert caught.value.reason == reason


def test_a_rotation_is_no_verdict():
    old, public = key()
    with pytest.raises(InvalidInput) as caught:
        verify_verdict(rotation(old, key()[0]), key=public, content_sha256=verdict().content_sha256)
    assert caught.value.reason == "RECORD_INVALID"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"record": 1, "key": "", "signature": ""}',
        '{"record": "{}", "key": "?", "signature": ""}',
        '{"record": "a", "record": "b", "key": "", "signature": ""}',
        '{"record": "\\ud800", "key": "", "signature": ""}',
        "[" * 100_000,
        " " * (2 << 20),
    ],
)
def test_what_is_no_record(text):
    with pytest.raises(InvalidInput) as caught:
        SignedRecord.from_json(text)
    assert caught.value.reason == "RECORD_INVALID"


@pytest.mark.parametrize("changes", [{"version": "1"}, {"accepted": 1}, {"checks": {}}, {"learnware_id": None}])
def test_a_signed_text_of_the_wrong_kind(changes):
    text = json.dumps(json.loads(verdict().to_text()) | changes)
    if changes == {"accepted": 1}:
        text = text.replace('"accepted": 1', '"accepted": "yes"')
    with pytest.raises(InvalidInput):
        VerdictRecord.from_text(text)


def test_a_dock_is_pinned_when_it_is_first_met(tmp_path):
    docks = KnownDocks(tmp_path / "deep" / "known.json")
    (_, mine), (_, other) = key(), key()
    assert docks.meet("a:1", mine)
    assert not docks.meet("a:1", mine)
    with pytest.raises(FailedPrecondition) as caught:
        docks.meet("a:1", other)
    assert caught.value.reason == "DOCK_KEY_CHANGED"
    assert docks.meet("b:1", other)
    assert docks.all() == [("a:1", mine), ("b:1", other)]
    assert docks.forget("a:1")
    assert docks.meet("a:1", other)


def test_two_processes_that_meet_a_dock_at_once_do_not_both_pin(tmp_path, monkeypatch):
    path, (_, mine), (_, other) = tmp_path / "known.json", key(), key()
    second, looked = KnownDocks(path), KnownDocks.get

    def get(docks, address):
        known = looked(docks, address)
        if docks is second:
            # Between its look and its pinning.
            KnownDocks(path).meet(address, mine)
        return known

    monkeypatch.setattr(KnownDocks, "get", get)
    with pytest.raises(FailedPrecondition) as caught:
        second.meet("a:1", other)
    assert caught.value.reason == "DOCK_KEY_CHANGED"
    assert KnownDocks(path).all() == [("a:1", mine)]


@pytest.mark.parametrize("address", ["127.example.org:443", "127.0.0.1.example.org:1", "localhost.example.org:1"])
def test_a_name_that_looks_like_the_loopback_is_none(address):
    assert not is_loopback(address)


def test_a_rotation_signed_with_the_old_key_is_followed_and_pinned(tmp_path):
    docks = KnownDocks(tmp_path / "known.json")
    secrets = [key() for _ in range(4)]
    chain = [rotation(a, b) for (a, _), (b, _) in itertools.pairwise(secrets)]
    docks.meet("a:1", secrets[0][1])
    docks.meet("a:1", secrets[3][1], chain)
    assert docks.get("a:1") == secrets[3][1]
    with pytest.raises(FailedPrecondition):
        docks.meet("a:1", secrets[0][1], chain)


def test_no_other_way_leads_to_a_new_key():
    (old, known), (new, wanted), (evil, third) = key(), key(), key()
    forged = replace(rotation(evil, new), key=known)
    gap = rotation(new, evil)
    for chain in ([], [forged], [rotation(evil, new)], [gap], [replace(rotation(old, new), text="{}")]):
        with pytest.raises(FailedPrecondition) as caught:
            follow_rotations(known, chain, wanted)
        assert caught.value.reason == "DOCK_KEY_CHANGED"
    assert follow_rotations(known, [rotation(old, new), gap], third) == [known, wanted, third]


def test_a_key_by_configuration_is_never_replaced(tmp_path, monkeypatch):
    (old, mine), (new, other) = key(), key()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DOCK_KEY", base64.b64encode(mine).decode())
    docks = KnownDocks.of_user()
    assert not docks.meet("a:1", mine)
    with pytest.raises(FailedPrecondition):
        docks.meet("a:1", other)
    docks.meet("a:1", other, [rotation(old, new)])
    assert list(tmp_path.iterdir()) == []


def test_a_key_as_people_write_it(tmp_path):
    _, public = key()
    text = base64.b64encode(public).decode()
    (tmp_path / "key").write_text(text + "\n")
    assert parse_key(text) == parse_key(str(tmp_path / "key")) == public
    for bad in ("", "x", "AAAA", str(tmp_path)):
        with pytest.raises(InvalidInput):
            parse_key(bad)


@pytest.mark.parametrize("text", ["{", '{"a:1": "x"}', '{"a:1": ["a"]}', '{"a:1": ["YWJj"]}', '{"a:1": []}'])
def test_a_damaged_file_of_known_docks_is_said(tmp_path, text):
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        KnownDocks(path).get("a:1")
    assert caught.value.reason == "KNOWN_DOCKS_DAMAGED"


@pytest.mark.parametrize("address", ["127.0.0.1:50051", "localhost:1", "[::1]:2", "dns:///localhost:3", "unix:/run/x"])
def test_on_the_loopback_a_new_key_is_no_alarm_and_the_old_one_stays_known(tmp_path, address):
    docks = KnownDocks(tmp_path / "known.json")
    (_, mine), (_, other) = key(), key()
    assert docks.meet(address, mine)
    assert not docks.meet(address, other)
    assert docks.get(address) == other
    assert docks.all() == [(address, mine), (address, other)]
    fixed = KnownDocks(tmp_path / "known.json", fixed=mine)
    with pytest.raises(FailedPrecondition):
        fixed.meet(address, other)
