"""Twelve stations that measure Beijing's air, as twelve owners: PM2.5 some hours ahead.

python tools/experiments/beijing.py --data FOLDER --out tables
dock experiment tables --target pm25_ahead --held-out last_year --drop season

FOLDER holds beijing-air-quality.tar.xz (UCI, Beijing Multi-Site Air Quality, CC BY 4.0). For every station a table
<station>.csv is written whose rows are hours in the order of time. Every input is known at that hour: calendar,
weather now, and PM2.5, other gases and weather of hours past; the target is PM2.5 `--hours` later. Weather and gases
that are missing are the last ones known, at most six hours old. A row is left out where any number is still missing;
PM2.5 itself is never filled. `last_year` is 1 from March 2016 on: held out, at all stations alike; rows before whose
target lies there are left out, so that nothing learnt is from then. `season` (0 winter … 3 autumn) is for dividing an
owner's rows. Neither is an input.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import re
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ARCHIVE = "beijing-air-quality.tar.xz"
STATION = re.compile(r"PRSA_Data_(\w+)_\d+-\d+\.csv$")
FILLED_HOURS = 6
COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
PAST = (1, 2, 3, 6, 12, 24)
LAST_YEAR = datetime(2016, 3, 1)  # noqa: DTZ001 - local hours, as in the tables
GASES = ("SO2", "NO2", "CO", "O3")
WEATHER = ("TEMP", "PRES", "DEWP", "RAIN", "WSPM")
FIELDS = ("PM2.5", *GASES, *WEATHER)


def main() -> None:
    """Write the stations' tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {ARCHIVE}")
    parser.add_argument("--out", type=Path, default=Path("beijing-tables"), help="folder to write the tables to")
    parser.add_argument("--hours", type=int, default=6, help="how far ahead to predict")
    given = parser.parse_args()
    archive = given.data / ARCHIVE
    if not archive.is_file():
        sys.exit(f"{archive} is not there. Name the folder that holds it: --data FOLDER.")
    given.out.mkdir(parents=True, exist_ok=True)
    for station, rows in stations(archive):
        table = features(rows, given.hours)
        whole = np.isfinite(table["all"]).all(axis=1)
        _write(given.out / f"{station}.csv", table["names"], table["all"][whole])
        print(f"{station:<15} {whole.sum():>6} of {len(whole)} hours kept")


def stations(archive: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Every station's name and its hours, in the order of the archive."""
    with tarfile.open(archive) as files:
        for member in files:
            match, file = STATION.search(member.name), files.extractfile(member)
            if match and file:
                yield match.group(1), list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))


def features(rows: list[dict[str, str]], hours: int) -> dict[str, Any]:
    """The names of the columns, and all numbers (hours, columns); NaN where something is missing."""
    known = {field: np.array([_number(row[field]) for row in rows]) for field in FIELDS}
    pm25 = known["PM2.5"]
    filled = {field: _filled(known[field]) for field in (*GASES, *WEATHER)}
    when = [datetime(int(r["year"]), int(r["month"]), int(r["day"]), int(r["hour"])) for r in rows]  # noqa: DTZ001
    _check_hourly(when)
    ahead = [each + timedelta(hours=hours) for each in when]
    columns = _calendar(ahead) | {field.lower(): values for field, values in filled.items()} | _wind(rows, filled)
    columns["pm25"] = pm25
    columns |= {f"pm25_{back}h_ago": _shifted(pm25, back) for back in PAST}
    columns["pm25_day_mean"] = np.mean([_shifted(_filled(pm25), back) for back in range(24)], axis=0)
    columns |= {f"{field.lower()}_6h_change": filled[field] - _shifted(filled[field], 6) for field in WEATHER[:3]}
    columns["season"] = np.array([each.month % 12 // 3 for each in when], dtype=float)
    late = np.array([each >= LAST_YEAR for each in when])
    between = np.array([each >= LAST_YEAR for each in ahead]) & ~late
    columns["last_year"] = np.where(between, np.nan, late)
    columns["pm25_ahead"] = _shifted(pm25, -hours)
    return {"names": list(columns), "all": np.stack(list(columns.values()), axis=1)}


def _number(cell: str) -> float:
    return float("nan") if cell == "NA" else float(cell)


def _filled(values: Array) -> Array:
    """The last value known, where it is at most FILLED_HOURS old."""
    place = np.where(np.isfinite(values), np.arange(len(values)), -1)
    last = np.maximum.accumulate(place)
    fresh = (last >= 0) & (np.arange(len(values)) - last <= FILLED_HOURS)
    return np.where(fresh, values[np.maximum(last, 0)], np.nan)


def _shifted(values: Array, back: int) -> Array:
    """The value `back` hours ago, or -back hours ahead."""
    moved = np.full(len(values), np.nan)
    if back >= 0:
        moved[back:] = values[: len(values) - back]
    else:
        moved[:back] = values[-back:]
    return moved


def _calendar(when: list[datetime]) -> dict[str, Array]:
    """Hour and day of the year on circles, and whether it is a weekend, of the hour that is predicted."""
    hour = np.array([each.hour for each in when]) * (2 * np.pi / 24)
    day = np.array([each.timetuple().tm_yday for each in when]) * (2 * np.pi / 365.25)
    weekend = np.array([float(each.weekday() >= 5) for each in when])
    circles = {"hour_sin": np.sin(hour), "hour_cos": np.cos(hour), "day_sin": np.sin(day), "day_cos": np.cos(day)}
    return circles | {"weekend": weekend}


def _wind(rows: list[dict[str, str]], filled: dict[str, Array]) -> dict[str, Array]:
    """Speed to the north and east; no direction is no wind."""
    turn = np.array([COMPASS.index(row["wd"]) * np.pi / 8 if row["wd"] in COMPASS else np.nan for row in rows])
    speed = np.where(np.isfinite(turn), filled["WSPM"], 0.0)
    turn = np.nan_to_num(turn)
    return {"wind_north": speed * np.cos(turn), "wind_east": speed * np.sin(turn)}


def _check_hourly(when: list[datetime]) -> None:
    if any(later - earlier != timedelta(hours=1) for earlier, later in itertools.pairwise(when)):
        sys.exit("The hours of a station are not one after the other.")


def _write(path: Path, names: list[str], rows: Array) -> None:
    np.savetxt(path, rows, fmt="%.6g", delimiter=",", header=",".join(names), comments="")


if __name__ == "__main__":
    main()
