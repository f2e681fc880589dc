"""Rules of this repository that no linter knows."""

from __future__ import annotations

import re

import pytest

from tests.repository.tree import ROOT, files, sources, texts

LONGEST = 450
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager", "managers", "shared", "lib"}
# Written in two parts, for this file is searched too.
INDEXES = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("crates", "io"), ("npmjs", "org"), ("debian", "org"))
]
MACHINE = re.compile(r"(?<![\w.])/" + r"(root|work)/")


def test_no_file_is_long():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST
    }
    assert not long, "split these, one noun a file"


def test_no_drawers():
    drawers = {
        str(path.relative_to(ROOT))
        for path in sources()
        if "shim" not in path.parts  # its names are the peer's
        if DRAWERS & {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
    }
    assert not drawers, "name these after what they hold"


@pytest.mark.parametrize("host", INDEXES)
def test_no_index_is_named(host):
    assert [name for name, text in texts() if host in text] == []


def test_no_path_of_one_machine():
    found = {name: match.group() for name, text in texts() if name != "LICENSE" and (match := MACHINE.search(text))}
    assert not found


def test_locks_pin_everything_with_digests():
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        text = lock.read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.-]*(.*)$", text, flags=re.MULTILINE)
        assert pins
        assert all(pin.startswith("==") and pin.endswith("\\") for pin in pins)
        assert "://" not in text


def test_every_test_folder_is_collected():
    outside = {
        str(path.relative_to(ROOT))
        for path in files()
        if path.name.startswith("test_") and path.suffix == ".py" and "tests" not in path.parts
    }
    assert not outside


def test_no_todo_without_an_end():
    word = "TO" + "DO"
    assert [str(path.relative_to(ROOT)) for path in sources() if word in path.read_text(encoding="utf-8")] == []
