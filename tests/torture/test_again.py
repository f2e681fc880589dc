"""A life that did not meet its failpoint is lived again with another seed, and does not end a run of half an hour."""

from __future__ import annotations

from death import AGAIN, Lane, Life, again, unmet


def lane(seed: int, **killed: bool) -> Lane:
    return Lane(seed, [Life(name, 1, met, 1.0) for name, met in killed.items()], 1.0, 1, 1, [])


def test_only_what_was_not_met_is_lived_again_each_time_with_another_seed():
    asked: list[tuple[int, list[str]]] = []

    def live(seed, names):
        asked.append((seed, list(names)))
        return [lane(seed, **{name: name == "a" or len(asked) == 2 for name in names})]

    more = again([lane(0, a=False, b=True), lane(1, c=False)], live)
    assert [names for _, names in asked] == [["a", "c"], ["c"]]
    assert len({seed for seed, _ in asked} | {0, 1}) == 4
    assert unmet(more) == ["c"]
    assert unmet(more[-1:]) == []


def test_what_is_never_met_is_tried_a_few_times():
    tried = again([lane(0, a=False)], lambda seed, _names: [lane(seed, a=False)])
    assert len(tried) == AGAIN
    assert unmet(tried) == ["a"] * AGAIN


def test_nothing_is_lived_again_where_all_was_met():
    assert again([lane(0, a=True)], lambda seed, _names: [lane(seed)]) == []
