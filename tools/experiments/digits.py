"""Readers of handwritten digits who each know four of them, and people whose mail has six: scikit-learn's own data.

python tools/experiments/digits.py --plot digits.png

The layout is that of the image experiment of the Beimingwu paper, on images of 8 x 8 pixels: every owner trains on four
classes in the ratio 4 : 4 : 1 : 1, every task has six in the ratio 3 : 3 : 1 : 1 : 1 : 1, classes drawn by chance. No
image of an owner is in a task. It is also an example of a scenario written in Python.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from learndock.experiment import Owner, Scenario, TaskOwner, run

CLASSES = 10
OWNERS = 20
OWNER_ROWS = 200
TASKS = 5
LABELLED, TEST = 200, 150
LABELS = (5, 10, 20, 50, 100, 200)
SEEDS = (0, 1, 2, 3, 4)
OWNER_SHARES = (0.4, 0.4, 0.1, 0.1)
TASK_SHARES = (0.3, 0.3, 0.1, 0.1, 0.1, 0.1)
FOR_OWNERS = 1000

Rows = NDArray[np.intp]
Labels = NDArray[np.int64]


def scenario() -> Scenario:
    """Twenty owners, and five people with a task for each seed."""
    table, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    theirs, rest = order[:FOR_OWNERS], order[FOR_OWNERS:]
    owners = []
    for number in range(OWNERS):
        rows = _draw(digits, theirs, OWNER_SHARES, OWNER_ROWS, np.random.default_rng([1, number]))
        known = "".join(str(digit) for digit in np.unique(digits[rows]))
        owners.append(Owner(f"reader {number + 1} of {known}", table[rows], digits[rows]))

    def tasks(seed: int) -> list[TaskOwner]:
        found = []
        for number in range(TASKS):
            rng = np.random.default_rng([2, seed, number])
            rows = _draw(digits, rest, TASK_SHARES, LABELLED + TEST, rng)
            first, last = rows[:LABELLED], rows[LABELLED:]
            found.append(
                TaskOwner(f"mail {number + 1}", table[first], table[first], digits[first], table[last], digits[last])
            )
        return found

    return Scenario(
        "digits, six of ten", "classification", tasks, owners, n_classes=CLASSES, labels=LABELS, seeds=SEEDS
    )


def _draw(digits: Labels, rows: Rows, shares: tuple[float, ...], count: int, rng: np.random.Generator) -> Rows:
    """Rows of as many classes as there are shares, about in that ratio; each row once."""
    chosen = rng.choice(CLASSES, len(shares), replace=False)
    weights = np.zeros(CLASSES)
    weights[chosen] = shares
    common = weights / np.bincount(digits[rows], minlength=CLASSES)
    odds = common[digits[rows]]
    return rng.choice(rows, min(count, int((odds > 0).sum())), replace=False, p=odds / odds.sum())


def main() -> None:
    """Run it and print the report as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, help="picture to draw: .png or .svg")
    plot = parser.parse_args().plot
    report = run(scenario())
    if plot is not None:
        report.plot(plot)
    print(report.to_markdown())


if __name__ == "__main__":
    main()
