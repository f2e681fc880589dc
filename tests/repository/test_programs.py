"""Whoever starts a program says which variables it gets: left out, it would get the dock's secrets."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.repository.tree import ROOT, sources

STARTERS = {"run", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}


def forgetful(text: str) -> Iterator[int]:
    """Lines of calls into subprocess, or of os.system and its kin, that hand everything on."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module, name = ast.unparse(node.func.value), node.func.attr
        given = next((each.value for each in node.keywords if each.arg == "env"), None)
        everything = given is None or ast.unparse(given) in ("None", "os.environ")
        if (module == "subprocess" and name in STARTERS and everything) or (
            module == "os" and name in ("system", "popen")
        ):
            yield node.lineno


def test_no_program_of_the_dock_gets_all_variables():
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if path.relative_to(ROOT).parts[0] in ("libs", "services") and "tests" not in path.parts
        if (lines := list(forgetful(path.read_text(encoding="utf-8"))))
    }
    assert not found, "give `env=`, outside a sandbox that of dock_sandbox.surroundings"


@pytest.mark.parametrize("call", ["subprocess.run(['x'])", "subprocess.Popen(['x'], env=os.environ)", "os.system('x')"])
def test_a_call_that_hands_everything_on_is_seen(call):
    assert list(forgetful(call)) == [1]
    assert list(forgetful("subprocess.run(['x'], env=few)")) == []
