"""The worker under the oldest Python that an environment may have, where this machine has one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from learndock.runtime import LAUNCHER, RUNTIME_DIR, WORKER

SOURCES = [RUNTIME_DIR / name for name in (WORKER, LAUNCHER, "wire.py")] + sorted((RUNTIME_DIR / "shim").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_runs_inside_is_written_for_python_3_8(path):
    tree = ast.parse(Path(path).read_text(), feature_version=(3, 8))
    assert not [node for node in ast.walk(tree) if type(node).__name__ in ("Match", "TryStar")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_runs_inside_imports_nothing_of_ours(path):
    tree = ast.parse(Path(path).read_text())
    names = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0
    }
    assert "learndock" not in names
    assert not any(name.startswith("dock_") for name in names)
