"""The job selector beside the peer's: which of several models is to answer each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import domains
from clock import best_of, times
from learndock import JobSelectorReuser, Member, TableSpecification, specify
from peer_link import Peer, PeerFailed
from table import Cell, Table

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
COMMAND = "make bench BENCH_ARGS='--only peer'"
PATIENCE_S = {"rows of all domains": 400.0, "rows of one domain": 60.0}
"""Seconds that the peer may take. With one domain it draws a hundred thousand candidates a thousand times."""
NOISE = 0.5


class Rule:
    """A model that knows one domain's rule: on which side of a plane a row lies."""

    def __init__(self, domain: int) -> None:
        self._plane = np.random.default_rng([9, domain]).normal(size=domains.WIDTH)

    def margin(self, X: Array) -> Array:
        """How far from the border, and on which side."""
        return np.asarray(X @ self._plane)

    def predict(self, X: Array) -> Labels:
        """Labels 0 and 1."""
        return (self.margin(X) > 0).astype(np.int64)


def selector_table(peer: Peer, quick: bool) -> Table:
    """Accuracy and time on a task of all the models' domains, and on one of a single domain."""
    models, count = (8, 160) if quick else (5, 1_000)
    members = [_member(domain) for domain in range(models)]
    island = peer.put_island([_specification(each) for each in members], domains.POINTS)
    parts = [_labelled(domain, count // models) for domain in range(models)]
    task = (np.concatenate([X for X, _ in parts]), np.concatenate([y for _, y in parts]))
    owners = np.repeat(np.arange(models), count // models)
    rows: list[Sequence[Cell]] = [("best possible", _accuracy(members, owners, *task), "", "")]
    asked = None if quick else peer
    rows += _compared(asked, island, members, task, "rows of all domains")
    rows += _compared(asked, island, members, _labelled(0, count), "rows of one domain")
    return Table(
        "peer.selector",
        f"Job selector: {count:,} rows, {models} models",
        ("", "accuracy", "s", "peer / ours"),
        rows,
        COMMAND,
        (
            "Each model knows the rule of its own domain; labels near a rule's border are noisy. For the task of all "
            "domains the best possible is to ask each row's own model. The time is of choosing, without the models. "
            "The peer draws from the members, herds and trains trees on that: the longer, the more one domain "
            "outweighs the others.",
        ),
    )


def _compared(
    peer: Peer | None, island: str, members: Sequence[Member], task: tuple[Array, Labels], name: str
) -> list[tuple[Cell, ...]]:
    X, y = task
    reuser = JobSelectorReuser(members, n_classes=2)
    chosen, ours = best_of(5, lambda: reuser.fit().select(X))
    rows: list[tuple[Cell, ...]] = [(f"ours, {name}", _accuracy(members, chosen, X, y), ours["wall"], "")]
    if peer is None:
        return rows
    patience = PATIENCE_S[name]
    arrays, out = peer.put("jobs", X=X), peer.path("chosen")
    try:
        said = peer.ask("select", island=island, arrays=arrays, out=out, timeout=patience)
    except PeerFailed:
        row = (f"peer, {name}", "", f"not done after {patience:.0f}", f"> {patience / ours['wall']:,.0f}x")
        return [*rows, row]
    theirs = said["time"]
    accuracy = _accuracy(members, peer.get("chosen")["chosen"], X, y)
    return [*rows, (f"peer, {name}", accuracy, theirs["wall"], times(theirs["wall"], ours["wall"]))]


def _member(domain: int) -> Member:
    table = domains.rows(domain, 0, 2_000)
    return Member(Rule(domain), specification=specify(table, k=domains.POINTS), key=str(domain))


def _specification(member: Member) -> TableSpecification:
    assert member.specification is not None
    return member.specification


def _labelled(domain: int, count: int) -> tuple[Array, Labels]:
    """Rows of the variation that the domain's model knows, new ones, and their labels."""
    X = domains.rows(domain, 0, 2_000 + count)[2_000:]
    noise = np.random.default_rng([10, domain]).normal(scale=NOISE, size=count)
    return X, (Rule(domain).margin(X) + noise > 0).astype(np.int64)


def _accuracy(members: Sequence[Member], chosen: Any, X: Array, y: Labels) -> float:
    answers = np.stack([np.asarray(each.model.predict(X)) for each in members])
    return float((answers[np.asarray(chosen, dtype=int), np.arange(len(y))] == y).mean())
