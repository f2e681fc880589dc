"""An audit refuses what gives rows away, passes what does not, and cries no wolf over few rows."""

import json

import numpy as np
import pytest

from learndock.errors import InvalidInput
from learndock.specification import TableSpecification, audit, specify


def heaps(n, seed=0, width=5):
    rng = np.random.default_rng(seed)
    centres = 2 * np.random.default_rng(99).normal(size=(4, width))
    return centres[rng.integers(4, size=n)] + rng.normal(size=(n, width))


def level(found, rule):
    return next(each for each in found.findings if each.rule == rule).level


def of_points(z, n):
    return TableSpecification(z, np.full(len(z), 1.0 / len(z)), 0.1, n)


def test_an_honest_specification_of_many_rows_passes():
    X = heaps(2_000)
    found = audit(specify(X, k=20), X, heaps(2_000, seed=1))
    assert [each.level for each in found.findings] == ["ok"] * 7
    assert found.verdict == "ok"
    assert found.attack.kind == "held-out"
    assert found.attack.low < 0.5 < found.attack.high


def test_published_rows_are_refused_and_named():
    X = heaps(400)
    z = specify(X).z.copy()
    z[[2, 7]] = X[[31, 250]]
    found = audit(of_points(z, 400), X, heaps(400, seed=1))
    assert found.verdict == "refuse"
    nearest = next(each for each in found.findings if each.rule == "nearest row")
    assert (nearest.level, nearest.rows) == ("refuse", (31, 250))
    assert "rows 31, 250" in found.summary()


def test_rows_with_a_little_noise_are_refused_as_well():
    X = heaps(400)
    found = audit(of_points(X[:20] + 1e-2, 400), X)
    assert level(found, "nearest row") == "refuse"


def test_all_rows_are_told_by_the_attack():
    X = heaps(300)
    found = audit(of_points(X + 0.2, 300), X, heaps(300, seed=1))
    assert level(found, "membership") == "refuse"
    assert found.attack.auc > 0.9
    assert level(found, "rows per point") == "refuse"


def test_means_of_three_rows_each_are_told_by_the_attack():
    X = heaps(600, width=10)
    order = np.argsort(X[:, 0])
    means = X[order[:594]].reshape(198, 3, 10).mean(axis=1)
    assert audit(of_points(means, 600), X, heaps(600, seed=1, width=10)).attack.low > 0.5


def test_a_row_of_whole_numbers_is_found_among_means():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 10_000, size=(400, 2)).astype(float), 50 * rng.normal(size=(400, 3))])
    z = specify(X).z.copy()
    z[3, :2] = X[123, :2]
    found = audit(of_points(z, 400), X)
    whole = next(each for each in found.findings if each.rule == "whole numbers")
    assert (whole.level, whole.rows) == ("refuse", (123,))


def test_a_point_alone_in_a_wide_table_stands_for_too_few():
    X = np.random.default_rng(0).normal(size=(300, 60))
    found = audit(of_points(np.concatenate([X[:1] * 0.9, specify(X).z]), 300), X)
    assert level(found, "support") == "refuse"


def test_a_light_point_is_warned_of():
    X = heaps(400)
    beta = np.full(20, 0.999 / 19)
    beta[4] = 0.001
    found = audit(TableSpecification(specify(X).z[:20], beta, 0.1, 400), X)
    assert level(found, "weight") == "warn"


def test_without_held_out_rows_the_way_is_attacked_and_that_is_said():
    X = heaps(400)
    found = audit(specify(X), X)
    assert found.attack.kind == "halves"
    assert "halves" in found.summary()
    assert len(found.attack.trials) > 1


def test_so_few_rows_are_not_attacked():
    X = heaps(40)
    found = audit(specify(X), X)
    assert found.attack is None
    assert level(found, "membership") == "warn"
    assert found.to_json()["membership"] is None


def test_chance_alone_is_no_alarm():
    """Points that know nothing of the rows: in few rows the AUC strays far from a half."""
    strayed = alarms = 0
    for seed in range(30):
        X, others = heaps(40, seed=seed), heaps(40, seed=1_000 + seed)
        found = audit(specify(heaps(400, seed=5_000)), X, others)
        strayed += found.attack.auc > 0.55
        alarms += level(found, "membership") != "ok"
    assert alarms <= 2 < strayed


def test_the_interval_holds_chance_as_often_as_it_says():
    held = 0
    for seed in range(60):
        X, others = heaps(100, seed=seed), heaps(100, seed=1_000 + seed)
        attack = audit(specify(heaps(400, seed=5_000)), X, others).attack
        held += attack.low <= 0.5 <= attack.high
    assert held >= 52


def test_an_exact_count_of_rows_is_warned_of():
    X = heaps(1_257)
    made = specify(X)
    assert level(audit(made, X), "row count") == "ok"
    exact = TableSpecification(made.z, made.beta, made.gamma, 1_257)
    assert level(audit(exact, X), "row count") == "warn"
    assert level(audit(made, X[:600]), "row count") == "warn"


def test_the_cost_of_the_rules_is_measured():
    X = heaps(400)
    guarded, loose = audit(specify(X), X), audit(specify(X, privacy="off"), X)
    assert loose.guard_cost == pytest.approx(0, abs=1e-9)
    assert guarded.guard_cost == pytest.approx(guarded.mmd2 - loose.mmd2, abs=1e-9)
    far = audit(of_points(specify(X).z + 3.0, 400), X)
    assert far.guard_cost > 0.01


def test_an_audit_is_the_same_again_and_its_digest_covers_what_was_found():
    X = heaps(200)
    made = specify(X)
    first, again, other = audit(made, X), audit(made, X), audit(made, X, random_state=1)
    assert first.to_json() == again.to_json()
    assert first.digest != other.digest
    assert json.loads(json.dumps(first.to_json(), allow_nan=False))["digest"] == first.digest


def test_no_row_is_in_what_is_written():
    X = heaps(200) * 1_000
    written = json.dumps(audit(specify(X), X).to_json())
    assert not any(f"{value:.3f}" in written for value in X.ravel())


def test_equal_rows_are_nobody():
    X = np.full((60, 3), 7.0)
    found = audit(specify(X), X)
    assert level(found, "nearest row") == "ok"
    assert level(found, "whole numbers") == "ok"


def test_another_width_is_refused():
    with pytest.raises(InvalidInput) as caught:
        audit(specify(heaps(100)), heaps(100, width=4))
    assert caught.value.reason == "DATA_SHAPE"
    with pytest.raises(InvalidInput, match="held-out"):
        audit(specify(heaps(100)), heaps(100), heaps(100, width=4))


def test_progress_ends_at_one():
    told = []
    audit(specify(heaps(100)), heaps(100), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
