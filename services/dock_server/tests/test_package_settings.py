"""Every bound on packages is a setting, and whoever is refused by one reads which."""

from __future__ import annotations

import base64
import dataclasses
import io
import random

import pytest

from dock_ingestion.admission import admit
from dock_server.settings import PackageSettings
from learndock.errors import InvalidInput
from learndock.package import PackageLimits
from tests.packages.models import build_package

LOWERED = {
    "packed_bytes": 1_000,
    "unpacked_bytes": 1_000,
    "ratio": 1,
    "ratio_from_bytes": 1_000,
    "entries": 3,
    "path_bytes": 8,
    "depth": 1,
    "directory_bytes": 100,
    "yaml_bytes": 20,
    "yaml_depth": 1,
    "yaml_nodes": 3,
    "requirement_bytes": 3,
    "requirement_lines": 1,
    "spec_bytes": 100,
    "semantic_bytes": 100,
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package that passes, and that every lowered bound concerns: it has a long file and one that packs well."""
    extra = {
        "weights/long.txt": base64.b64encode(random.Random(0).randbytes(1 << 20)),
        "weights/zeros.bin": bytes(500_000),
    }
    path = tmp_path_factory.mktemp("packages") / "package.zip"
    return build_package(path, extra=extra, requirements=["numpy", "scipy"]).read_bytes()


def test_the_settings_are_the_bounds_and_have_their_defaults():
    assert PackageSettings().limits() == PackageLimits()
    assert {field.name for field in dataclasses.fields(PackageLimits)} == set(LOWERED)


@pytest.mark.parametrize("bound", LOWERED)
def test_a_lowered_bound_refuses_what_passes_and_says_which_it_is(bound, package, monkeypatch):
    admit(io.BytesIO(package), "", PackageSettings().limits())
    setting = f"DOCK_PACKAGE_{bound.upper()}"
    monkeypatch.setenv(setting, str(LOWERED[bound]))
    with pytest.raises(InvalidInput) as refused:
        admit(io.BytesIO(package), "", PackageSettings().limits())
    assert setting in str(refused.value)
    assert str(LOWERED[bound]) in str(refused.value)
    assert refused.value.details["setting"] in (setting, "DOCK_PACKAGE_RATIO")
    assert refused.value.details["limit"]


def test_the_older_name_of_the_first_bound_still_counts(monkeypatch):
    monkeypatch.setenv("DOCK_INGESTION_MAX_PACKAGE_BYTES", "12345")
    assert PackageSettings().limits().packed_bytes == 12345
    monkeypatch.setenv("DOCK_PACKAGE_PACKED_BYTES", "54321")
    assert PackageSettings().limits().packed_bytes == 54321
