"""What somebody sees who watches `make services`: at 80 columns, whatever happens."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from tools.services.trouble import trouble
from tools.services.view import Ages, Row, picture

READY = Row("specification-1", 1234567, 31999, 31998, "ready", 0, 123_000_000, "")
HELP = [". dock-services/env", "Ctrl-C stops all"]
LOG = """\
20:31:02 WARNING dock_server.readiness: waiting for the database at postgresql://db: It does not answer.
20:31:04 INFO    dock_server.readiness: the database is there
Listening at 127.0.0.1:1.
Ready: search at 127.0.0.1:1.
Press Ctrl-C to stop it.
"""


def drawn(*rows: Row, width: int = 80, ages: Ages | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(picture(rows, ages or Ages(), HELP))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off(width):
    long = "waiting for the database at postgresql+psycopg2://db.example.org/dock: " + "word " * 40 + "END"
    sick = replace(READY, name="search-1", state="died (-9)", restarts=3, trouble=long)
    shown = drawn(READY, sick, width=width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    for each in ("specification-1", "1234567", "31999", "31998", "123", "died (-9)", "started again 3 times", *HELP):
        assert each in shown
    assert "END" in shown
    assert "1 of 2 ready" in shown


def test_since_when_a_process_is_as_it_is():
    now = [0.0]
    ages = Ages(clock=lambda: now[0])
    drawn(READY, ages=ages)
    for seconds, said in ((59, "59 s"), (61, "1 min"), (7300, "2 h"), (200_000, "2 d")):
        now[0] = seconds
        assert f" {said} " in drawn(READY, ages=ages)
    assert " 0 s " in drawn(replace(READY, pid=7), ages=ages), "another process"


def test_what_is_over_is_no_trouble_and_what_came_since_is():
    assert trouble(LOG, ready=True) == ""
    assert trouble(LOG + "20:40:00 ERROR   dock_db.relay: no.\n20:40:01 INFO    x: y\n", ready=True) == "no."
    assert trouble(LOG.splitlines()[0], ready=False).startswith("waiting for the database")
    assert trouble("", ready=False) == ""


def test_who_ended_says_why_in_one_piece():
    said = "Error  DOCK_BLOB_URL=x:… has\n       no adapter here.\nNext   Give s3://.\n       [ADAPTER_UNKNOWN]\n"
    assert (
        trouble(LOG + said, ready=False) == "DOCK_BLOB_URL=x:… has no adapter here. Next Give s3://. [ADAPTER_UNKNOWN]"
    )
