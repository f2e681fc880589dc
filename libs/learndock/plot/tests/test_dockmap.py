from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from learndock.errors import InvalidInput
from learndock.plot import dock_map
from learndock.plot.draw import REST, looks_of
from learndock.plot.panel import trust
from learndock.plot.style import PALETTE
from learndock.search.distance import mmd
from learndock.search.island import island_scale
from learndock.specification import TableSpecification


def specification(seed, centre=0.0, d=3, gamma=0.1):
    rng = np.random.default_rng(seed)
    beta = rng.random(12) + 0.1
    return TableSpecification(centre + rng.normal(size=(12, d)), beta / beta.sum(), gamma)


def learnwares(n, d=3):
    return {f"{i:08d}": specification(i, 2.0 * (i % 3), d) for i in range(n)}


def points(panel):
    return {spot.key: (spot.x, spot.y) for spot in panel.spots}


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_three_learnwares_lie_at_their_distances():
    given = learnwares(3)
    (panel,) = dock_map(given).panels
    scale, found = island_scale(list(given.values())), points(panel)
    assert panel.stress < 1e-6
    for a in given:
        for b in given:
            drawn = np.hypot(*np.subtract(found[a], found[b]))
            assert drawn == pytest.approx(mmd(given[a], given[b], scale), abs=1e-4)


def test_the_order_of_learnwares_moves_nothing():
    given = learnwares(12)
    shuffled = dict(reversed(given.items()))
    task, mixture = specification(99, 1.0), {"00000001": 0.7, "00000004": 0.3}
    first = dock_map(given, task=task, mixture=mixture).panels[0]
    second = dock_map(shuffled, task=task, mixture=mixture).panels[0]
    assert first == second


def test_a_task_that_is_a_learnware_lies_on_it_and_so_does_a_mixture_that_is_the_task():
    given = learnwares(9)
    first, second = given["00000000"], given["00000001"]
    both = TableSpecification(np.vstack([first.z, second.z]), np.concatenate([first.beta, second.beta]) / 2)
    panel = dock_map(given, task=first).panels[0]
    assert np.allclose(panel.task, points(panel)["00000000"], atol=1e-6)
    panel = dock_map(given, task=both, mixture={"00000000": 0.5, "00000001": 0.5}).panels[0]
    assert panel.task is not None
    assert np.allclose(panel.task, panel.blend, atol=1e-6)
    assert [spot.weight for spot in panel.spots][:3] == [0.5, 0.5, 0.0]


def test_one_learnware_and_none_are_drawn(tmp_path):
    one = dock_map([specification(0)])
    assert points(one.panels[0]) == {"0": (0.0, 0.0)}
    assert one.save(tmp_path / "one.png").stat().st_size > 1000
    assert dock_map([]).panels == ()
    assert dock_map([]).save(tmp_path / "none.png").stat().st_size > 1000


def test_identical_learnwares_share_a_spot(tmp_path):
    same = dock_map([specification(0)] * 4, task=specification(0))
    assert set(points(same.panels[0]).values()) == {(0.0, 0.0)}
    assert same.stress == 0
    assert same.save(tmp_path / "same.svg").stat().st_size > 1000


def test_islands_are_panels_and_the_task_is_where_it_can_be_compared():
    given = {"a": specification(0), "b": specification(1), "c": specification(2, d=5), "d": specification(3, gamma=0.5)}
    found = dock_map(given, task=specification(4, d=5))
    assert [(panel.title, len(panel.spots)) for panel in found.panels] == [
        ("3 columns, gamma 0.1", 2),
        ("5 columns, gamma 0.1", 1),
    ]
    assert [panel.task is not None for panel in found.panels] == [False, True]
    assert found.notes == ("Not drawn, for it is alone on its island: 1.",)


def test_beyond_six_islands_the_small_ones_are_left_out_and_that_is_said():
    given = {f"{d}-{i}": specification(i, d=d) for d in range(1, 9) for i in range(3 if d == 8 else 2)}
    found = dock_map(given, mixture={"7-0": 1.0})
    assert [panel.title for panel in found.panels][:2] == ["7 columns", "8 columns"]
    assert len(found.panels) == 6
    assert found.notes == ("4 learnwares of 2 smaller islands are not drawn.",)


@dataclasses.dataclass
class Words:
    """A type of a plug-in: it knows its distance."""

    count: float
    type: str = "WordCount"
    dimension: int = 1

    def to_json(self):
        return {}

    def distance(self, other):
        return abs(self.count - other.count)


class Mute:
    """A type that can't be compared."""

    type, dimension = "Mute", 1

    def to_json(self):
        return {}


def test_types_of_plug_ins_are_laid_out_by_their_own_distance():
    given = {"a": Words(1), "b": Words(4), "c": specification(0), "d": specification(1), "e": Mute()}
    found = dock_map(given, task=Words(2), mixture={"a": 0.5, "b": 0.5})
    own, tables = found.panels
    assert (own.title, tables.title) == ("WordCount, 1 columns", "3 columns, gamma 0.1")
    assert abs(own.spots[0].x - own.spots[1].x) == pytest.approx(3)
    assert abs(own.task[0] - own.spots[0].x) == pytest.approx(1)
    assert (own.blend, own.measure, tables.task, tables.measure) == (None, "distance", None, "MMD")
    assert found.notes == ("Not drawn, for nothing tells their distances: 1.",)
    assert any(text.endswith(" distance") for text in texts(found.figure()))


def test_distances_may_be_given_instead():
    spots = np.random.default_rng(0).normal(size=(5, 2))
    distances = np.linalg.norm(spots[:, None] - spots[None], axis=2)
    panel = dock_map(distances[:4, :4], names=list("abcd"), task=distances[4, :4], mixture={"1": 1.0}).panels[0]
    assert [spot.name for spot in panel.spots] == list("abcd")
    assert np.hypot(*np.subtract(panel.task, points(panel)["1"])) == pytest.approx(distances[4, 1], abs=1e-6)


@pytest.mark.parametrize(
    "wrong, reason",
    [
        ({"names": ["a"]}, "MAP_KEYS"),
        ({"mixture": {"zzz": 1.0}}, "MAP_KEYS"),
        ({"learnwares": np.zeros((2, 3))}, "DISTANCES_INVALID"),
        ({"learnwares": np.zeros((2, 2)), "task": np.zeros(3)}, "DISTANCES_INVALID"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong, reason):
    with pytest.raises(InvalidInput) as caught:
        dock_map(wrong.pop("learnwares", learnwares(2)), **wrong)
    assert caught.value.reason == reason


def test_the_drawing_says_what_the_map_says():
    given = learnwares(6)
    found = dock_map(
        given,
        names={"00000000": "rain $x and \x1b[31m red"},
        groups=dict.fromkeys(given, "雨量"),
        colour_by="scenario",
        task=specification(9),
        mixture={"00000000": 0.75, "00000003": 0.25},
    )
    figure = found.figure()
    assert legend(figure) == ["雨量", "the task", "share in the mixture", "the mixture"]
    assert f"Stress {found.stress:.2f}" in figure.get_suptitle()
    assert trust(found.stress) in figure.get_suptitle()
    assert {"rain $x and [31m red, 75%", "00000003, 25%"} <= set(texts(figure))
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2 and line.get_alpha()]
    assert sorted(line.get_linewidth() for line in lines) == pytest.approx([0.6 + 5 * 0.25, 0.6 + 5 * 0.75])


def test_notes_fit_into_the_picture():
    found = dataclasses.replace(dock_map(learnwares(3)), notes=("Many words in a row. " * 60,))
    figure = found.figure()
    FigureCanvasAgg(figure).draw()
    box = figure._suptitle.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    assert figure.get_suptitle().endswith("…")
    assert figure.axes[0].get_window_extent().height > 0.5 * figure.bbox.height


def test_names_stand_on_no_other_name():
    words = ["learnware number", "WANSHOUXIGONG number", "mammal number", "Überlänge number", "ill number"]
    names = [f"{words[i % 5]} {i}" for i in range(150)]
    figure = dock_map(learnwares(150), names=names, mixture={"00000007": 0.5, "00000011": 0.5}).figure()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if "number" in text.get_text()]
    assert 5 < len(boxes) <= 40
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = figure.axes[0].get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_more_groups_than_colours_share_the_last_look():
    given = learnwares(20)
    groups = {key: f"group {i % 10}" for i, key in enumerate(given)}
    found = dock_map(given, groups=groups, colour_by="owner")
    looks = looks_of(found)
    assert len({look.colour for look in looks.values()}) == len(PALETTE)
    assert legend(found.figure())[-1] == REST


@pytest.mark.parametrize("owner", ["me", "A university of applied sciences in Wanshouxigong"])
def test_the_legend_fits_into_the_picture(owner):
    given = learnwares(12)
    groups = {key: f"{owner} {i % 6}" for i, key in enumerate(given)}
    mixture = {"00000000": 0.5, "00000001": 0.5}
    figure = dock_map(given, groups=groups, colour_by="owner", task=specification(9), mixture=mixture).figure()
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1


def test_a_map_is_the_same_file_twice_and_shows_itself(tmp_path):
    first = dock_map(learnwares(8)).save(tmp_path / "a.png").read_bytes()
    assert dock_map(learnwares(8)).save(tmp_path / "b.png").read_bytes() == first
    assert dock_map(learnwares(8))._repr_png_().startswith(b"\x89PNG")


def test_a_map_without_matplotlib_still_has_its_numbers():
    code = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
from learndock.errors import FailedPrecondition
from learndock.plot import dock_map
found = dock_map(np.array([[0.0, 1.0], [1.0, 0.0]]))
print(found.to_json()["panels"][0]["learnwares"][1]["x"] - found.to_json()["panels"][0]["learnwares"][0]["x"])
try:
    found.save("never.png")
except FailedPrecondition as error:
    print(error.reason)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    apart, reason = done.stdout.split()
    assert abs(float(apart)) == pytest.approx(1)
    assert reason == "EXTRA_MISSING"
