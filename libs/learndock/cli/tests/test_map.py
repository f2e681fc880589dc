from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from learndock.cli.commands.map import COLOURS
from learndock.plot import COLOUR_BY
from learndock.specification import TableSpecification


@pytest.fixture
def shelf(tmp_path, package):
    """Three specifications, a package, and two files that are neither."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for i in range(3):
        z = np.random.default_rng(i).normal(size=(10, 2)) + i
        TableSpecification(z, np.full(10, 0.1)).save(folder / f"plant-{i}.json")
    package.rename(folder / "flowers")
    (folder / "broken.json").write_text("{}")
    (folder / "notes.txt").write_text("water them")
    return folder


def test_the_colours_of_the_command_are_those_of_the_library():
    assert COLOURS == COLOUR_BY


def test_a_folder_becomes_a_picture(type_in, shelf, flowers, tmp_path):
    done = type_in("map", "--from", shelf, "--data", flowers, "--target", "kind", "--out", "m.svg", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    drawn = {each["name"] for panel in found["panels"] for each in panel["learnwares"]}
    assert drawn == {"plant-0", "plant-1", "plant-2", "flowers"}
    assert found["notes"] == ["Left out, for they can't be read: broken.json (SPECIFICATION_INVALID)."]
    assert sum(each["weight"] for panel in found["panels"] for each in panel["learnwares"]) == pytest.approx(1)
    assert all(panel["task"] for panel in found["panels"])
    assert (tmp_path / "m.svg").read_text().startswith("<?xml")


def test_the_stress_is_said(type_in, shelf, tmp_path):
    done = type_in("map", "--from", shelf)
    assert done.exit_code == 0, done.output
    assert "Wrote map.png: 3 learnwares on 1 island." in done.stderr
    assert "Stress 0.00" in done.stderr
    assert "alone on its island: 1." in done.stderr
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_json_alone_writes_no_picture(type_in, shelf, tmp_path):
    assert type_in("map", "--from", shelf, "--json").exit_code == 0
    assert not (tmp_path / "map.png").exists()


def test_a_bad_suffix_is_refused_before_the_dock_is_asked(type_in):
    done = type_in("map", "--out", "map.gif")
    assert done.exit_code == 2
    assert "PICTURE_FORMAT_UNKNOWN" in done.stderr


def test_nothing_to_draw_is_said(type_in, shelf, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (("--from", tmp_path / "empty"), ("--from", shelf, "--tag", "Health")):
        done = type_in("map", *words)
        assert "MAP_EMPTY" in done.stderr
        assert done.exit_code == 2


def run_without_matplotlib(*words):
    code = "import sys; sys.modules['matplotlib'] = None; from learndock.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, "map", *words], capture_output=True, text=True, check=False)


def test_without_matplotlib_the_command_says_what_to_install_and_still_gives_numbers(shelf):
    refused = run_without_matplotlib("--from", str(shelf))
    assert refused.returncode == 1
    assert "learndock[plot]" in refused.stderr
    told = run_without_matplotlib("--from", str(shelf), "--json")
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["panels"][0]["learnwares"]) == 3
