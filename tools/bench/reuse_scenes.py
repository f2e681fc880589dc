"""Tasks whose rows belong to several members, made and real; what each member would answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import learndock as ld
from learndock.reuse import Member

Array = npt.NDArray[np.float64]
ROWS = 1_000


@dataclass(frozen=True)
class Scene:
    """`rows` (n, d); `right` bool (members, n): is a member's answer right; `best` (n,): the member to choose.

    `best` knows what no selector knows: the true densities of made scenes, the owner of each row in real ones.
    """

    name: str
    members: list[Member]
    rows: Array
    right: npt.NDArray[np.bool_]
    best: npt.NDArray[np.intp]

    def accuracy(self, chosen: npt.NDArray[np.intp]) -> float:
        """Share of the rows answered right where row r is answered by member chosen[r]."""
        return float(self.right[chosen, np.arange(len(self.rows))].mean())


class Nobody:
    """A model for scenes in which only the choice counts."""

    def predict(self, X: Array) -> Array:
        """Noughts."""
        return np.zeros(len(X))


class Gaussians:
    """Five domains, each a mixture of three Gaussians of unequal spread."""

    def __init__(self, width: int, apart: float, *, unscaled: bool = False, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.width = width
        self.centres = self.rng.normal(size=(5, 3, width)) * apart
        self.spreads = self.rng.uniform(0.6, 1.4, (5, 3, width))
        self.unit = 10.0 ** self.rng.uniform(-3, 3, width) if unscaled else np.ones(width)

    def draw(self, domain: int, count: int) -> Array:
        """Rows of one domain, in units of one."""
        blob = self.rng.integers(0, 3, count)
        noise = self.rng.normal(size=(count, self.width))
        return np.asarray(self.centres[domain, blob] + self.spreads[domain, blob] * noise)

    def densities(self, rows: Array) -> Array:
        """True log densities (n, 5), up to a constant."""
        off = (rows[:, None, None] - self.centres) / self.spreads
        logs = -0.5 * (off**2).sum(axis=3) - np.log(self.spreads).sum(axis=2)
        return np.asarray(np.logaddexp.reduce(logs, axis=2))


def measured(rows_each: int = 2_000, seed: int = 0) -> tuple[Scene, list[Any], npt.NDArray[np.intp]]:
    """The scene of the goal: five models, each right about its own domain in .95 of the cases; models and labels too.

    Domains hardly overlap (20 columns, centres 1.4 standard deviations off per column); each has a linear rule of its
    own for three classes, its model is a logistic regression on 2,000 rows, and one label in fifty is another.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    world = Gaussians(20, 1.4, seed=seed)
    rules = world.rng.normal(size=(5, 20, 3))

    def label(domain: int, rows: Array) -> npt.NDArray[np.intp]:
        labels = ((rows - world.centres[domain].mean(axis=0)) @ rules[domain]).argmax(axis=1)
        other = world.rng.random(len(rows)) < 0.02
        return np.asarray(np.where(other, (labels + world.rng.integers(1, 3, len(rows))) % 3, labels))

    members = []
    for domain in range(5):
        own = world.draw(domain, rows_each)
        model = LogisticRegression(max_iter=1_000).fit(own, label(domain, own))
        members.append(Member(model, 0.2, ld.specify(own), f"domain {domain}"))
    owners = world.rng.integers(0, 5, ROWS)
    rows, labels = np.empty((ROWS, 20)), np.empty(ROWS, dtype=np.intp)
    for domain in range(5):
        rows[owners == domain] = world.draw(domain, int((owners == domain).sum()))
        labels[owners == domain] = label(domain, rows[owners == domain])
    right = np.stack([member.model.predict(rows) == labels for member in members])
    return Scene("five models of .95, hardly overlapping", members, rows, right, owners), members, labels


def scenes(*, quick: bool) -> Iterator[Scene]:
    """Everything that selectors are compared on."""
    yield measured()[0]
    yield choice("overlapping, 20 columns", Gaussians(20, 0.85, seed=0))
    yield choice("likewise, columns in units of 0.001 to 1,000", Gaussians(20, 0.85, unscaled=True, seed=0))
    yield choice("likewise, shares .6 .2 .1 .05 .05", Gaussians(20, 0.85, seed=0), (0.6, 0.2, 0.1, 0.05, 0.05))
    if quick:
        return
    yield choice("likewise, 400 rows a member", Gaussians(20, 0.85, seed=0), rows_each=400)
    yield choice("overlapping, 5 columns", Gaussians(5, 3.0, seed=0))
    yield choice("overlapping, 50 columns", Gaussians(50, 0.4, seed=0))
    yield choice("overlapping, 100 columns", Gaussians(100, 0.25, seed=0))
    yield by_class()
    yield by_look()
    yield one_domain()


def choice(name: str, world: Gaussians, shares: tuple[float, ...] = (0.2,) * 5, *, rows_each: int = 2_000) -> Scene:
    """Only the choice counts: right is who drew the row, best who most likely did."""
    specifications = [ld.specify(world.draw(domain, rows_each) * world.unit) for domain in range(5)]
    owners = world.rng.choice(5, ROWS, p=shares)
    rows = np.stack([world.draw(owner, 1)[0] for owner in owners])
    best = (world.densities(rows) + np.log(shares)).argmax(axis=1)
    members = _choices(specifications, shares)
    return Scene(name, members, rows * world.unit, owners == np.arange(5)[:, None], best)


def by_class(seed: int = 0) -> Scene:
    """scikit-learn's digits: each member knows two of the ten."""
    X, y = _digits(seed)
    owners = y // 2
    members = [_classifier(X[:1000][owners[:1000] == each], y[:1000][owners[:1000] == each]) for each in range(5)]
    rows, labels = X[1000:], y[1000:]
    right = np.stack([member.model.predict(rows) == labels for member in members])
    return Scene("digits, each member knows two", members, rows, right, owners[1000:])


def by_look(seed: int = 0) -> Scene:
    """scikit-learn's digits as they are, turned, mirrored twice, and shifted: a member for each look."""
    X, y = _digits(seed)
    images = X.reshape(-1, 8, 8)
    looks = [images, images.transpose(0, 2, 1), images[:, ::-1], images[:, :, ::-1], np.roll(images, 2, axis=2)]
    flat = [look.reshape(-1, 64) for look in looks]
    members = [_classifier(look[:1000], y[:1000]) for look in flat]
    owners = np.random.default_rng(seed).integers(0, 5, len(X) - 1000)
    rows = np.stack([flat[owner][1000 + place] for place, owner in enumerate(owners)])
    right = np.stack([member.model.predict(rows) == y[1000:] for member in members])
    return Scene("digits, each member knows one look", members, rows, right, owners)


def one_domain() -> Scene:
    """Members of one and the same domain: any choice is as good, and it must end."""
    rng = np.random.default_rng(0)
    members = _choices([ld.specify(rng.normal(size=(2_000, 20))) for _ in range(5)], (0.2,) * 5)
    rows = rng.normal(size=(ROWS, 20))
    return Scene("one domain", members, rows, np.ones((5, ROWS), dtype=bool), np.zeros(ROWS, dtype=np.intp))


def _choices(specifications: list[Any], shares: tuple[float, ...]) -> list[Member]:
    pairs = zip(specifications, shares, strict=True)
    return [Member(Nobody(), share, each, f"domain {at}") for at, (each, share) in enumerate(pairs)]


def _digits(seed: int) -> tuple[Array, npt.NDArray[np.intp]]:
    from sklearn.datasets import load_digits  # noqa: PLC0415

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], y[order]


def _classifier(X: Array, y: npt.NDArray[np.intp]) -> Member:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    return Member(LogisticRegression(C=0.01, max_iter=1_000).fit(X, y), 0.2, ld.specify(X))
