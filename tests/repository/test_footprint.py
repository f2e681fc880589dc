"""What the client costs: the size of the wheel, the packages that come with it, and that they are enough."""

from __future__ import annotations

import email
import importlib.metadata
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.tree import ROOT

WHEEL_BYTES = 1_000_000
MOST_PACKAGES = 10
NUMERICAL = ("numpy", "scipy")
PAGE = ROOT / "docs" / "reference" / "footprint.md"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def requirements(wheel: Path) -> list[Requirement]:
    """What the wheel asks for, with the extras' markers on them."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    return [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]


def applying(found: list[Requirement], extras: set[str]) -> Iterator[Requirement]:
    for each in found:
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield each


def closure(found: list[Requirement], left_out: tuple[str, ...] = ()) -> set[str]:
    """The names of all that is installed for some requirements, as this environment has it."""
    names: set[str] = set()
    waiting = list(applying(found, set()))
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        if name in names or name in left_out:
            continue
        names.add(name)
        lines = importlib.metadata.requires(name) or []
        waiting += applying([Requirement(line) for line in lines], set(each.extras))
    return names


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size <= WHEEL_BYTES
    assert f"at most {WHEEL_BYTES / 1e6:g} MB" in PAGE.read_text(encoding="utf-8")


def test_the_wheel_holds_no_tests_and_every_stub(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "/tests/" in name]
    assert {"learndock/__init__.py", "dockapi/status/v1/status_pb2.py", "learndock/py.typed"} <= set(names)


def test_the_client_brings_few_packages(wheel):
    numerical = closure([Requirement(name) for name in NUMERICAL])
    others = closure(requirements(wheel), NUMERICAL) - numerical
    assert len(others) <= MOST_PACKAGES, sorted(others)
    page = PAGE.read_text(encoding="utf-8")
    assert f"at most {MOST_PACKAGES} packages" in page
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, flags=re.MULTILINE)) == others


def test_the_client_needs_no_other_package(wheel, tmp_path):
    """Every module of the client is imported from the wheel alone, with all else out of sight."""
    allowed = closure(requirements(wheel)) | {"learndock"}
    homes = importlib.metadata.packages_distributions()
    hidden = [top for top, names in sorted(homes.items()) if not allowed & set(map(canonicalize_name, names))]
    code = f"""
import sys
sys.path.insert(0, {str(wheel)!r})
for name in {hidden!r} + ["google.rpc"]:
    sys.modules[name] = None
import learndock, learndock.client, learndock.plot, learndock.reuse, learndock.search
from learndock.cli.main import COMMANDS, dock
import click
for name in COMMANDS:
    dock.get_command(click.Context(dock), name)
assert learndock.client.__file__.startswith({str(wheel)!r}), learndock.client.__file__
import numpy as np
print(learndock.specify(np.random.default_rng(0).normal(size=(400, 3))).dimension)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3\n"
