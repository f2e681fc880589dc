"""The examples of the page on reusers are run, one after the other, as a reader would."""

from __future__ import annotations

import re

import numpy as np

from tests.repository.tree import ROOT

PAGE = ROOT / "docs" / "guide" / "reusers.md"


def test_the_examples_run_and_say_what_the_page_says(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    with_dock, *examples = blocks
    compile(with_dock, str(PAGE), "exec")
    names: dict = {}
    for code in examples:
        exec(code, names)
    assert names["selector"].score(names["X"], names["y"]) == 1.0
    assert set(names["selector"].predict_names(names["X"])) == {"low", "high"}
    assert names["augmented"].score(names["X"], names["y"]) > 0.8
    assert np.allclose(names["averaging"].predict_proba(names["X"]).sum(axis=1), 1)
    printed = capsys.readouterr().out
    assert printed.startswith("1.0\n")
    assert "(1, 3)" in printed
