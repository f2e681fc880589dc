"""Which failpoints row 1 deals, and what becomes of those that nobody passes."""

from __future__ import annotations

import random
from collections import Counter

from deck import TRIES, Deck

POINTS = {"ingestion": ["a", "b", "c"], "checking": ["d", "reconciler.scan"], "search": ["reconciler.scan"]}


def test_each_failpoint_comes_once_before_any_comes_again():
    deck, rng = Deck(POINTS), random.Random(1)
    hands = [deck.deal(rng) for _ in range(3)]
    assert sorted(hand["ingestion"] for hand in hands) == ["a", "b", "c"]


def test_only_one_service_at_a_time_is_armed_with_what_only_the_leader_passes():
    deck, rng = Deck(POINTS), random.Random(1)
    hands = [deck.deal(rng) for _ in range(40)]
    assert max(sum(name == "reconciler.scan" for name in hand.values()) for hand in hands) == 1
    armed = {target for hand in hands for target, name in hand.items() if name == "reconciler.scan"}
    assert armed == {"checking", "search"}


def test_what_was_not_met_is_dealt_again_and_named_until_it_is():
    deck, rng = Deck({"reuse": ["a", "b"]}), random.Random(1)
    first = deck.deal(rng)["reuse"]
    deck.missed("reuse", first)
    assert deck.never == [f"reuse at {first}"]
    deck.met("reuse", deck.deal(rng)["reuse"])
    assert deck.deal(rng)["reuse"] == first
    deck.met("reuse", first)
    assert deck.never == []
    assert deck.covered == (2, 2)


def test_what_is_never_met_ends_up_named_and_holds_nobody_up():
    deck, rng = Deck({"reuse": ["a", "b"]}), random.Random(1)
    dealt: Counter[str] = Counter()
    for _ in range(2 * TRIES):
        name = deck.deal(rng)["reuse"]
        dealt[name] += 1
        (deck.missed if name == "a" else deck.met)("reuse", name)
    assert dealt["b"] >= 2
    assert deck.never == ["reuse at a"]
    assert deck.covered == (1, 2)
