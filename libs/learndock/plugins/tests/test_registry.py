"""What is installed is found, what is broken is said, and nobody takes another's name."""

import sys

import pytest

from learndock import plugins
from learndock.errors import NotFound, Unavailable
from learndock.plugins.registry import forget
from tests.packages.extending import install


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on sys.path that packages can be put into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    forget()
    yield folder
    forget()
    for name in ("field_plugins", "odd_plugins"):
        sys.modules.pop(name, None)


def put(site, source, entries, package="odd-plugins"):
    metadata = site / f"{package}-2.1.dist-info"
    metadata.mkdir()
    (site / "odd_plugins.py").write_text(source)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.1\n")
    (metadata / "entry_points.txt").write_text(entries)
    forget()


def test_ours_are_there_without_anything_installed():
    assert plugins.names(plugins.REUSERS) == ["averaging", "ensemble-pruning", "feature-augmentation", "job-selector"]
    assert plugins.names(plugins.SEARCHERS) == ["exact"]
    assert not [each for each in plugins.listing() if each.fault]


def test_an_installed_package_adds_one_of_each_kind(site):
    install(site)
    forget()
    found = {each.kind: each for each in plugins.listing() if each.package == "field-plugins"}
    assert set(found) == {"specification type", "searcher", "checker", "reuser"}
    assert not [each.fault for each in found.values() if each.fault]
    assert plugins.load(plugins.REUSERS, "median").__name__ == "MedianReuser"


def test_ours_are_not_replaced(site):
    put(site, "class Mine:\n    fit = predict = None\n", "[learndock.reusers]\naveraging = odd_plugins:Mine\n")
    assert plugins.load(plugins.REUSERS, "averaging").__module__ == "learndock.reuse.averaging"


@pytest.mark.parametrize(
    ("source", "entry", "why"),
    [
        ("raise RuntimeError('no luck')", "odd_plugins:Thing", "RuntimeError: no luck"),
        ("", "odd_plugins:Thing", "AttributeError"),
        ("", "no_such_module:Thing", "ModuleNotFoundError"),
        ("class Thing:\n    name = 'x'\n", "odd_plugins:Thing", "it has no check"),
    ],
)
def test_a_broken_one_says_why_and_stops_nobody_else(site, source, entry, why):
    put(site, source, f"[learndock.checkers]\nthing = {entry}\n")
    [broken] = [each for each in plugins.listing() if each.fault]
    assert why in broken.fault
    assert "odd-plugins 2.1" in broken.fault
    with pytest.raises(Unavailable) as caught:
        plugins.load(plugins.CHECKERS, "thing")
    assert caught.value.reason == "PLUGIN_BROKEN"
    assert plugins.load(plugins.SEARCHERS, "exact")


def test_a_name_that_nobody_has_lists_those_there_are():
    with pytest.raises(NotFound) as caught:
        plugins.load(plugins.REUSERS, "stacking")
    assert caught.value.reason == "PLUGIN_UNKNOWN"
    assert "job-selector" in caught.value.hint
