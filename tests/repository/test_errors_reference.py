"""Every reason has a row that says something."""

from __future__ import annotations

from tools.generate_errors_reference import page


def test_every_reason_is_told_somewhere():
    rows = [line for line in page().splitlines() if line.startswith("| `") and line.count("|") >= 5]
    cells = [[cell.strip() for cell in line.replace("\\|", "").split("|")[1:-1]] for line in rows]
    told = {reason for reason, *rest in cells if any(each not in ("", "…") for each in rest[1:])}
    silent = {reason for reason, *_ in cells if reason.isupper()} - told
    assert len(told) > 200
    assert silent == set()
