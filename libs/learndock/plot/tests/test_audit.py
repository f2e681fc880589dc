"""The picture of an audit shows what was measured."""

import numpy as np
import pytest

from learndock.plot import audit_picture
from learndock.plot.style import save
from learndock.specification import audit, specify

pytest.importorskip("matplotlib")


def rows(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3))


def test_the_panels_hold_the_measured_numbers(tmp_path):
    found = audit(specify(rows(400)), rows(400), rows(300, seed=1))
    figure = audit_picture(found)
    left, middle, right = figure.axes
    assert sorted(each.get_text() for each in left.get_legend().get_texts()) == [
        "from points",
        "from rows",
        "least allowed",
    ]
    drawn = {line.get_label(): line.get_ydata() for line in middle.lines}
    assert np.array_equal(drawn["around it"], np.sort(found.support))
    assert any(f"{found.attack.auc:.3f}" in each.get_text() for each in right.texts)
    assert save(figure, tmp_path / "a.svg").stat().st_size > 1_000


@pytest.mark.parametrize("X", [np.full((60, 3), 7.0), rows(30)], ids=["equal rows", "few rows"])
def test_odd_tables_have_a_picture_too(X, tmp_path):
    assert save(audit_picture(audit(specify(X), X)), tmp_path / "a.png").exists()
