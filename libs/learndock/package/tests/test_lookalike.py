"""Slips of the keyboard, and of those who wait for them."""

import io

import pytest

from learndock.package import read_package
from learndock.package.lookalike import WELL_KNOWN, lookalike
from tests.hostile.environments import asking


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("nunpy", "numpy"),
        ("numpyy", "numpy"),
        ("nmpy", ""),
        ("umpy", ""),
        ("nupmy", "numpy"),
        ("Pandass", "pandas"),
        ("padnas", "pandas"),
        ("scikitlearn", "scikit-learn"),
        ("sci-kit-learn", "scikit-learn"),
        ("tensorfow", "tensorflow"),
        ("requestz", "requests"),
        ("xgbost", "xgboost"),
        ("numpy", ""),
        ("my-own-tools", ""),
        ("panda", "pandas"),
        ("sixx", ""),
    ],
)
def test_one_slip_away(name, near):
    assert lookalike(name) == near


def test_no_well_known_name_is_taken_for_another():
    assert [name for name in WELL_KNOWN if lookalike(name)] == []


def test_the_warning_comes_with_the_package_and_refuses_nothing():
    package = read_package(io.BytesIO(asking(b"nunpy==1.0\nscipy\n")))
    [note] = package.environment.notes
    assert "REQUIREMENT_LOOKALIKE: nunpy" in note
    assert "numpy" in note
