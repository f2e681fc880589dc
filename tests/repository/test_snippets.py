"""The examples of the guide that need no dock are run."""

from __future__ import annotations

import re

import numpy as np

import learndock as ld
from tests.packages.models import build_package
from tests.repository.tree import ROOT


def block(page: str, heading: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.search(r"```python\n(.*?)```", section, flags=re.DOTALL).group(1)


def test_the_example_without_a_dock(tmp_path, monkeypatch, capsys):
    package = ld.read_package(build_package(tmp_path / "model.zip"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    names = {"ld": ld, "spec": ld.specify(rng.normal(size=(50, package.specification.dimension)))}
    exec(block("docs/guide/python.md", "Without a dock"), names)
    assert [hit.key for hit in names["result"].hits] == ["mine"]
    assert float(capsys.readouterr().out) >= 0


def test_the_example_of_a_map(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(block("docs/guide/pictures.md", "In Python"), {})
    assert (tmp_path / "sites.png").read_bytes().startswith(b"\x89PNG")
    assert 0 <= float(capsys.readouterr().out) < 0.5


def test_the_example_of_an_audit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(block("docs/guide/privacy.md", "In Python"), {})
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.startswith(("ok", "warn"))


def test_every_example_of_the_pages_is_python():
    for page in ("README.md", "docs/guide/python.md"):
        for code in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL):
            compile(code, page, "exec")
