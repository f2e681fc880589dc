"""The Beijing tables: what an hour's row holds, and that nothing of a later hour is in it but the target."""

from __future__ import annotations

import csv
import importlib.util
import io
import subprocess
import sys
import tarfile
from datetime import datetime, timedelta
from types import ModuleType

import numpy as np
import pytest

from learndock.experiment import leave_one_out, read_folder
from learndock.experiment.tests.stores import stores, write
from tests.repository.test_snippets import block
from tests.repository.tree import ROOT

SCRIPT = ROOT / "tools" / "experiments" / "beijing.py"
HOURS = 24 * 12
MARCH_2016 = 24 * 6
"""The made station begins six days before the held-out year."""


@pytest.fixture(scope="module")
def beijing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("beijing", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def station(seed: int) -> list[dict[str, str]]:
    rng = np.random.default_rng(seed)
    start = datetime(2016, 3, 1) - timedelta(hours=MARCH_2016)  # noqa: DTZ001 - local hours, as in the tables
    rows = []
    for hour in range(HOURS):
        when = start + timedelta(hours=hour)
        row = {"year": when.year, "month": when.month, "day": when.day, "hour": when.hour, "wd": "E"}
        row |= {name: round(float(rng.uniform(1, 99)), 2) for name in ("PM2.5", "SO2", "NO2", "CO", "O3")}
        row |= {name: round(float(rng.normal()), 2) for name in ("TEMP", "PRES", "DEWP", "RAIN", "WSPM")}
        rows.append({name: str(value) for name, value in row.items()})
    return rows


def columns(table: dict) -> dict[str, np.ndarray]:
    return dict(zip(table["names"], table["all"].T, strict=True))


def test_past_and_target_are_at_their_hours(beijing):
    rows = station(0)
    pm25 = np.array([float(row["PM2.5"]) for row in rows])
    found = columns(beijing.features(rows, 6))
    np.testing.assert_array_equal(found["pm25"], pm25)
    np.testing.assert_array_equal(found["pm25_3h_ago"][3:], pm25[:-3])
    np.testing.assert_array_equal(found["pm25_ahead"][:-6], pm25[6:])
    assert np.isnan(found["pm25_ahead"][-6:]).all()
    np.testing.assert_allclose(found["pm25_day_mean"][23], pm25[:24].mean())
    np.testing.assert_allclose(found["wind_east"], [float(row["WSPM"]) for row in rows])
    np.testing.assert_allclose(found["wind_north"], 0, atol=1e-12)


def test_no_input_knows_a_later_hour(beijing):
    rows, now = station(0), 100
    later = [dict(row) for row in rows]
    for row, other in zip(later[now + 1 :], station(1)[now + 1 :], strict=True):
        row.update({name: other[name] for name in ("PM2.5", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "WSPM")})
    before, after = (beijing.features(each, 6) for each in (rows, later))
    inputs = [place for place, name in enumerate(before["names"]) if name != "pm25_ahead"]
    np.testing.assert_array_equal(before["all"][: now + 1, inputs], after["all"][: now + 1, inputs])


def test_what_is_learnt_from_has_its_target_before_the_held_out_year(beijing):
    held = columns(beijing.features(station(0), 6))["last_year"]
    assert (held[: MARCH_2016 - 6] == 0).all()
    assert np.isnan(held[MARCH_2016 - 6 : MARCH_2016]).all()
    assert (held[MARCH_2016:] == 1).all()


def test_gaps_are_filled_for_six_hours_and_never_in_the_target(beijing):
    rows = station(0)
    for hour in range(50, 60):
        rows[hour]["TEMP"] = rows[hour]["PM2.5"] = "NA"
    found = columns(beijing.features(rows, 6))
    np.testing.assert_array_equal(found["temp"][50:56], float(rows[49]["TEMP"]))
    assert np.isnan(found["temp"][56:60]).all()
    assert np.isnan(found["pm25"][50:60]).all()
    assert np.isnan(found["pm25_ahead"][44:54]).all()


def test_the_archive_becomes_a_folder_that_an_experiment_reads(tmp_path):
    with tarfile.open(tmp_path / "beijing-air-quality.tar.xz", "w:xz") as files:
        for number, name in enumerate(("Dongsi", "Gucheng")):
            text = io.StringIO()
            writer = csv.DictWriter(text, station(number)[0])
            writer.writeheader()
            writer.writerows(station(number))
            member = tarfile.TarInfo(f"PRSA_Data_{name}_20130301-20170228.csv")
            member.size = len(text.getvalue())
            files.addfile(member, io.BytesIO(text.getvalue().encode()))
    command = [sys.executable, str(SCRIPT), "--data", str(tmp_path), "--out", str(tmp_path / "tables")]
    subprocess.run(command, check=True, capture_output=True)
    tables = read_folder(tmp_path / "tables", "pm25_ahead", drop=["season"], held_out="last_year")
    assert [table.name for table in tables] == ["Dongsi", "Gucheng"]
    scenario = leave_one_out(tables, labels=(10,))
    assert len(scenario.tasks(0)[0].X_test) == HOURS - MARCH_2016 - 6
    assert len(scenario.owners[0].X) == MARCH_2016 - 6 - 24


def test_a_missing_archive_is_said(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "beijing-air-quality.tar.xz is not there" in done.stderr


def test_the_example_of_the_page(tmp_path, monkeypatch, capsys):
    write(tmp_path / "stores", stores()[:3])
    monkeypatch.chdir(tmp_path)
    exec(block("docs/experiments.md", "In Python"), {})
    assert "| job selector |" in capsys.readouterr().out
    assert (tmp_path / "stores.png").stat().st_size > 0
