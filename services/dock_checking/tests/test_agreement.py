from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from dock_checking.agreement import agreed_signer
from dock_checking.signer import Signer
from dock_db.signing import SigningKeys
from learndock.errors import FailedPrecondition


def on_record(house):
    with house.database.read() as session:
        return SigningKeys().get(session)


def test_the_first_checkers_key_is_the_docks(house):
    signer = agreed_signer(house.database, house.folder / "one")
    assert on_record(house) == signer.key
    assert agreed_signer(house.database, house.folder / "one").key == signer.key


def test_of_several_that_start_at_once_one_decides(house):
    def start(number):
        try:
            return agreed_signer(house.database, house.folder / f"keys-{number}").key
        except FailedPrecondition as error:
            return error.reason

    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(start, range(4)))
    assert on_record(house) in keys
    assert all(key in (on_record(house), "DOCK_KEY_DIFFERENT", "DOCK_KEY_MISSING") for key in keys)


def test_a_checker_without_the_key_is_refused_and_makes_none(house):
    agreed_signer(house.database, house.folder / "one")
    with pytest.raises(FailedPrecondition) as refused:
        agreed_signer(house.database, house.folder / "two")
    assert refused.value.reason == "DOCK_KEY_MISSING"
    assert not (house.folder / "two").exists()


def test_a_checker_with_another_key_is_refused(house):
    first = agreed_signer(house.database, house.folder / "one")
    Signer(house.folder / "two")
    with pytest.raises(FailedPrecondition) as refused:
        agreed_signer(house.database, house.folder / "two")
    assert refused.value.reason == "DOCK_KEY_DIFFERENT"
    assert on_record(house) == first.key


def test_an_exchanged_key_is_taken_up_and_the_old_one_is_not_taken_back(house):
    agreed_signer(house.database, house.folder / "one")
    shutil.copytree(house.folder / "one", house.folder / "two")
    new = Signer(house.folder / "one").rotate()
    assert agreed_signer(house.database, house.folder / "one").key == on_record(house) == new
    with pytest.raises(FailedPrecondition) as refused:
        agreed_signer(house.database, house.folder / "two")
    assert refused.value.reason == "DOCK_KEY_DIFFERENT"


def test_a_lost_key_is_replaced_where_the_operator_says_so(house):
    agreed_signer(house.database, house.folder / "one")
    replaced = agreed_signer(house.database, house.folder / "two", new_key=True)
    assert on_record(house) == replaced.key
