"""`dock token` where there is nothing yet, and where a token does not come about."""

from __future__ import annotations

import stat

from click.testing import CliRunner

from dock_db import Database
from dock_server.tokens import token
from learndock.errors import NotFound


def make_dock(folder):
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'dock.db'}")
    database.create()
    database.close()
    return folder


def test_no_file_stays_where_no_token_came_about(tmp_path):
    out = tmp_path / "ann.token"
    words = ["create", "--owner", "ann", "--out", str(out)]
    done = CliRunner().invoke(token, [*words, "--data", str(tmp_path / "nowhere")])
    assert isinstance(done.exception, NotFound)
    assert not out.exists()

    done = CliRunner().invoke(token, [*words, "--data", str(make_dock(tmp_path / "dock"))])
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_list_without_tokens_says_how_to_make_one(tmp_path):
    done = CliRunner().invoke(token, ["list", "--data", str(make_dock(tmp_path / "dock"))])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "dock token create" in done.stderr
