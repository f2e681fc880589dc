"""The software bill of an environment, and which of it is known to be vulnerable.

The bill is CycloneDX 1.5 (ECMA-424) in JSON; advisories are read in the OSV format. Neither asks the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from learndock.errors import InvalidInput

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


@dataclass(frozen=True)
class Component:
    """One installed package."""

    name: str
    version: str

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


@dataclass(frozen=True)
class Advisory:
    """A known fault of some versions of a package: half-open ranges, and versions by name."""

    id: str
    name: str
    ranges: tuple[tuple[str, str], ...]
    versions: frozenset[str]
    summary: str

    def covers(self, component: Component) -> bool:
        """Whether it is about that version. One that cannot be compared counts as covered: better told than not."""
        if component.name != self.name:
            return False
        return component.version in self.versions or any(_within(component.version, *each) for each in self.ranges)


def components(lock: str) -> list[Component]:
    """What a lock pins, in its order."""
    pinned = (_PINNED.match(line) for line in lock.splitlines())
    return [Component(canonicalize_name(match[1]), match[2]) for match in pinned if match]


def bill_of_materials(lock: str, *, name: str, version: str, made_at: str) -> str:
    """The bill of a learnware's environment as JSON text."""
    parts = [
        {"type": "library", "name": each.name, "version": each.version, "purl": each.purl, "bom-ref": each.purl}
        for each in components(lock)
    ]
    reference = f"learnware:{name}@{version}"
    root = {"type": "machine-learning-model", "name": name, "version": version, "bom-ref": reference}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": made_at, "component": root},
        "components": parts,
        "dependencies": [{"ref": reference, "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(bill, sort_keys=True)


class Advisories:
    """Advisories by package, read from a file: a JSON list of OSV entries, or one entry a line."""

    def __init__(self, entries: Sequence[Advisory] = ()) -> None:
        self._by_name: dict[str, list[Advisory]] = {}
        for each in entries:
            self._by_name.setdefault(each.name, []).append(each)

    @classmethod
    def read(cls, path: Path) -> Advisories:
        """Read a file. InvalidInput ADVISORIES_INVALID."""
        try:
            text = path.read_text(encoding="utf-8")
            listed = text.lstrip().startswith("[")
            documents = json.loads(text) if listed else [json.loads(line) for line in text.splitlines() if line.strip()]
            return cls([each for document in documents for each in _advisories(document)])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(
                f"The advisories in {path} can't be read: {type(error).__name__}: {error}.",
                reason="ADVISORIES_INVALID",
                hint="Give OSV entries: a JSON list, or one a line.",
            ) from error

    def known(self, lock: str) -> list[list[str]]:
        """What a lock holds that is known to be vulnerable, each as [package, version, advisory, summary]."""
        return [
            [each.name, each.version, advisory.id, advisory.summary]
            for each in components(lock)
            for advisory in self._by_name.get(each.name, ())
            if advisory.covers(each)
        ]


def _advisories(document: Mapping[str, Any]) -> Iterator[Advisory]:
    for affected in document.get("affected", ()):
        package = affected["package"]
        if package["ecosystem"] == "PyPI":
            ranges = tuple(_ranges(affected.get("ranges", ())))
            versions = frozenset(map(str, affected.get("versions", ())))
            summary = str(document.get("summary", ""))[:200]
            yield Advisory(str(document["id"]), canonicalize_name(package["name"]), ranges, versions, summary)


def _ranges(ranges: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in ranges:
        if each["type"] != "ECOSYSTEM":
            continue
        start = ""
        for event in each["events"]:
            if "introduced" in event:
                start = str(event["introduced"])
            elif start:
                # Where only the last affected version is known, later ones count too until a fix is named.
                yield start, str(event.get("fixed", ""))
                start = ""
        if start:
            yield start, ""


def _within(version: str, start: str, end: str) -> bool:
    try:
        found = Version(version)
        return (start == "0" or found >= Version(start)) and (not end or found < Version(end))
    except InvalidVersion:
        return True
