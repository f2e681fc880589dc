from __future__ import annotations

import json

import numpy as np
import pytest

from dock_rpc.convert import specification_to_rkme
from learndock.errors import InvalidInput, NotFound
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification


def semantic(name, *scenarios):
    words = SemanticSpecification("Table", "Regression", "Others", scenarios, "MIT", name, "d", output_dimension=1)
    return json.dumps(words.to_json())


def fill(house, count):
    for i in range(count):
        name = f"lw-{i}"
        scenarios = ("Health", "Business") if i % 2 else ("Health",)
        house.ingestion.add(
            name, name=f"model {i}", owner="ada", semantic_specification_json=semantic(f"model {i}", *scenarios)
        )
        z = np.random.default_rng(i).normal(size=(10, 2)) + i
        house.specification.stored[name] = specification_to_rkme(TableSpecification(z, np.full(10, 0.1)))


def test_a_map_shows_what_the_search_found(house, dock, tmp_path):
    fill(house, 5)
    X = np.random.default_rng(9).normal(size=(400, 2)) + 1
    found = dock.map(X, limit=77)
    (panel,) = found.panels
    assert house.search.asked.limit == 77
    assert panel.title == "Table, Regression, 2 columns, 1 output"
    assert [(spot.key, spot.name, spot.group) for spot in panel.spots][1] == ("lw-1", "model 1", "Health")
    assert [spot.weight for spot in panel.spots] == [0.5, 0.3, 0.2, 0.0, 0.0]
    assert panel.task is not None
    assert "read <this>" in found.notes
    assert found.save(tmp_path / "map.png").stat().st_size > 1000


def test_a_map_without_a_task_has_no_star(house, dock):
    fill(house, 3)
    found = dock.map(colour_by="owner", mixture="none")
    assert found.panels[0].task is None
    assert {spot.group for spot in found.panels[0].spots} == {"ada"}


def test_what_has_no_specification_is_left_out_and_said(house, dock):
    fill(house, 3)
    del house.specification.stored["lw-2"]
    found = dock.map(mixture="none")
    assert [spot.key for spot in found.panels[0].spots] == ["lw-0", "lw-1"]
    assert "Not drawn, for they have no specification: 1." in found.notes


def test_a_part_is_called_a_part(house, dock, monkeypatch):
    fill(house, 2)
    plain = dock.search

    def some(*given, **asked):
        found = plain(*given, **asked)
        return type(found)(found.hits[:1], None, [], 12_345)

    monkeypatch.setattr(dock, "search", some)
    assert dock.map(TableSpecification(np.zeros((1, 2)), np.ones(1))).notes == (
        "The 1 nearest to the task of 12,345 learnwares are drawn.",
    )


def test_an_empty_dock_has_no_map(dock):
    with pytest.raises(NotFound) as caught:
        dock.map()
    assert caught.value.reason == "MAP_EMPTY"


def test_an_unknown_colour_is_refused_before_anything_is_asked(house, dock):
    with pytest.raises(InvalidInput) as caught:
        dock.map(colour_by="size")
    assert caught.value.reason == "COLOUR_UNKNOWN"
    assert house.search.asked is None
