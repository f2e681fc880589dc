from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from dock_sandbox.installer import Uv
from dock_sandbox.interpreter import installed

USER = 64321
LIBS = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_folder():
    folder = Path(tempfile.mkdtemp(prefix="unprivileged-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def reachable(path):
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def environment_for_all(folder):
    uv = Uv()
    pythons = [one for one in installed(uv) if reachable(one.path) and one.version >= (3, 10)]
    if not pythons or not reachable(LIBS):
        pytest.skip("no Python that other users could run, or the checkout is closed to them")
    uv.must(["venv", "--quiet", "--no-project", "--python", str(pythons[0].path), "env"], cwd=folder)
    uv.must(["pip", "install", "--quiet", "--python", "env/bin/python", "numpy"], cwd=folder)
    return folder / "env" / "bin" / "python"


@pytest.mark.sandbox
@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run unprivileged already")
def test_the_isolation_holds_when_started_by_an_unprivileged_user(open_folder):
    python = environment_for_all(open_folder)
    work = open_folder / "work"
    work.mkdir()
    os.chown(work, USER, USER)
    ran = subprocess.run(
        [str(python), str(Path(__file__).with_name("unprivileged.py")), str(work)],
        env={"PYTHONPATH": str(LIBS), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        user=USER,
        group=USER,
        extra_groups=[],
        capture_output=True,
        check=False,
        text=True,
        cwd=work,
    )
    assert ran.returncode == 0, ran.stderr
    assert "FAILED" not in ran.stdout, ran.stdout[:4000]
    assert "cases 2" in ran.stdout
