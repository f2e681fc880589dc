"""The judge of histories believes what a dock may do, and nothing else."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torture.model import MOST_TRIES, Call, Found, Key, Transition, Verdict, judge

FEW = settings(derandomize=True, max_examples=60, deadline=None)


class Walk:
    """A dock of the imagination: does at random what a dock may do, and writes it down."""

    def __init__(self, seed: int, versions: int) -> None:
        self.rng = random.Random(seed)
        self.calls: list[Call] = []
        self.history: list[Transition] = []
        self.found = Found({}, {}, [], {})
        self.bad: set[str] = set()
        for number in range(versions):
            self._live(f"{number:08d}", f"sha-{number}")
        indexed = [key for key, state in self.found.states.items() if state == "INDEXED"]
        self.found.searchable = frozenset(indexed)

    def judged(self) -> list[str]:
        return judge(self.calls, self.history, self.found, frozenset(self.bad))

    def _go(self, key: Key, sha: str, state: str, attempt: int) -> None:
        self.history.append(Transition(key, sha, state, attempt, len(self.history) + 1))
        self.found.states[key] = state

    def _live(self, learnware_id: str, sha: str) -> None:
        key = learnware_id, 1
        rejected = self.rng.random() < 0.3
        for _ in range(self.rng.randint(0, 2)):
            self.calls.append(Call("push", sha, None, acknowledged=False))
        self.calls.append(Call("push", sha, key, acknowledged=True))
        self.found.contents[key] = self.found.blobs[key] = sha
        self.bad |= {sha} if rejected else set()
        self._go(key, sha, "RECEIVED", 0)
        attempt = self._claims(key, sha, "CHECKING", 0)
        self._go(key, sha, "REJECTED" if rejected else "ACCEPTED", attempt)
        self.found.verdicts.append(Verdict(key, attempt, not rejected, attested=True))
        if not rejected:
            attempt = self._claims(key, sha, "EMBEDDING", attempt)
            self._go(key, sha, "EMBEDDING", attempt)
            self._go(key, sha, "INDEXED", attempt)
        if self.rng.random() < 0.3:
            self.calls.append(Call("delete", sha, key, acknowledged=self.rng.random() < 0.5))
            self._go(key, sha, "DELETED", attempt)
            del self.found.blobs[key]

    def _claims(self, key: Key, sha: str, working: str, attempt: int) -> int:
        tries = self.rng.randint(1, MOST_TRIES)
        for _ in range(tries):
            attempt += 1
            self._go(key, sha, working, attempt)
        if tries == MOST_TRIES:
            self._go(key, sha, "FAILED_INTERNAL", attempt)
            self._go(key, sha, "RECEIVED" if working == "CHECKING" else "ACCEPTED", attempt)
            attempt += 1
            self._go(key, sha, working, attempt)
        return attempt


@FEW
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_what_a_dock_may_do_is_believed(seed, versions):
    assert Walk(seed, versions).judged() == []


def lose(walk: Walk, key: Key) -> None:
    walk.history = [each for each in walk.history if each.key != key]
    for table in (walk.found.states, walk.found.contents, walk.found.blobs):
        table.pop(key, None)
    walk.found.verdicts = [each for each in walk.found.verdicts if each.key != key]
    walk.found.searchable -= {key}


def verdict_twice(walk: Walk, key: Key) -> None:
    walk.found.verdicts += [each for each in walk.found.verdicts if each.key == key]


def verdict_missing(walk: Walk, key: Key) -> None:
    walk.found.verdicts = [each for each in walk.found.verdicts if each.key != key]


def verdict_of_another_attempt(walk: Walk, key: Key) -> None:
    walk.found.verdicts = [
        dataclasses.replace(each, attempt=each.attempt + 1) if each.key == key else each for each in walk.found.verdicts
    ]


def record_forged(walk: Walk, key: Key) -> None:
    walk.found.verdicts = [dataclasses.replace(each, attested=each.key != key) for each in walk.found.verdicts]


def stuck(walk: Walk, key: Key) -> None:
    walk.history = [each for each in walk.history if each.key != key or each.state in ("RECEIVED", "CHECKING")]
    walk.found.states[key] = "CHECKING"


def other_bytes(walk: Walk, key: Key) -> None:
    walk.found.contents[key] = "sha-of-something-else"


def orphan(walk: Walk, key: Key) -> None:
    walk.found.orphans.append("packages/default/0/1")


def search_differs(walk: Walk, key: Key) -> None:
    walk.found.searchable ^= {key}


def back_from_the_dead(walk: Walk, key: Key) -> None:
    walk.calls.append(Call("delete", walk.found.contents[key], key, acknowledged=True))
    if walk.found.states[key] == "DELETED":
        walk.history.append(Transition(key, "", "INDEXED", walk.history[-1].attempt, len(walk.history) + 1))


def skips_the_check(walk: Walk, key: Key) -> None:
    walk.history = [each for each in walk.history if each.key != key or each.state != "CHECKING"]


def revision_repeated(walk: Walk, key: Key) -> None:
    walk.history[-1] = dataclasses.replace(walk.history[-1], revision=walk.history[-2].revision)


def twin(walk: Walk, key: Key) -> None:
    for copy in (("99999998", 1), ("99999999", 1)):
        walk.found.contents[copy] = walk.found.contents[key]
        walk.found.states[copy] = "INDEXED"


def unsent(walk: Walk, key: Key) -> None:
    walk.found.unsent = 1


BREACHES = [
    lose,
    verdict_twice,
    verdict_missing,
    verdict_of_another_attempt,
    record_forged,
    stuck,
    other_bytes,
    orphan,
    search_differs,
    back_from_the_dead,
    skips_the_check,
    revision_repeated,
    twin,
    unsent,
]


@pytest.mark.parametrize("breach", BREACHES)
@FEW
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_what_a_dock_may_not_do_is_seen(breach, seed, versions):
    walk = Walk(seed, versions)
    breach(walk, walk.rng.choice(sorted(walk.found.states)))
    assert walk.judged()
