"""The guide's first hour, typed word for word from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guide" / "first-hour.md"
_BLOCK = re.compile(r"(?:Save this as `(?P<name>[^`]+)`[^\n]*\n\n)?```(?P<kind>sh|python)\n(?P<text>.*?)```", re.DOTALL)
_ELSEWHERE = ("make setup", "dock up", "cd ~/first-hour")
_REFUSED = {
    "dock search --data shop.csv --target colour": (2, "COLUMN_UNKNOWN"),
    "dock search --tag Agricultur": (2, "TAG_UNKNOWN"),
    "dock show 99999999": (2, "LEARNWARE_NOT_FOUND"),
    "DOCK_URL=127.0.0.1:1 dock list": (3, "DOCK_UNREACHABLE"),
}


@pytest.mark.e2e
@pytest.mark.sandbox
def test_the_first_hour_goes_as_the_guide_says(address, tmp_path):
    pytest.importorskip("sklearn")
    folder = Path(sys.executable).parent
    environment = os.environ | {"DOCK_URL": address, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    printed = []
    for block in _BLOCK.finditer(GUIDE.read_text(encoding="utf-8")):
        if block["kind"] == "python":
            (tmp_path / block["name"]).write_text(block["text"])
        elif not any(word in block["text"] for word in _ELSEWHERE):
            for line in block["text"].strip().splitlines():
                done = subprocess.run(
                    ["/bin/sh", "-c", line],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=200,
                    check=False,
                )
                code, reason = _REFUSED.get(line, (0, ""))
                assert done.returncode == code, line + "\n" + done.stdout + done.stderr
                assert reason in done.stderr
                printed.append(done.stdout)
    (right,) = [text for text in printed if "bottles are right" in text]
    assert int(right.partition("%")[0]) >= 80
    found = next(text for text in printed if "DISTANCE" in text)
    assert "south-wines" in found.splitlines()[1]
