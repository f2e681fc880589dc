"""What a backup says of itself; written last, so that one without it is known to be torn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from learndock.errors import FailedPrecondition, InvalidInput

FORMAT = 2


@dataclass(frozen=True)
class Part:
    """A file of a backup: its SHA-256 and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """One backup. `made_at` is in seconds since 1970 by the dock's database; `rows` counts by table.

    `missing` names packages that the dock itself did not have whole any more. `dock_id` is "" in backups of releases
    that knew none (format 1).
    """

    name: str
    made_at: float
    release: str
    schema: int
    tenant: str
    revision: int
    rows: Mapping[str, int]
    parts: Mapping[str, Part]
    packages: int
    package_bytes: int
    missing: Sequence[str] = field(default_factory=list)
    dock_id: str = ""
    format: int = FORMAT

    @property
    def has_keys(self) -> bool:
        """Whether the signing key is in it."""
        return KEYS in self.parts

    @property
    def made(self) -> str:
        """When it was made, as people read it."""
        return datetime.fromtimestamp(self.made_at, timezone.utc).isoformat(timespec="seconds")

    def to_json(self) -> str:
        """The text that is stored."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read it again. InvalidInput BACKUP_DAMAGED, FailedPrecondition BACKUP_TOO_NEW."""
        try:
            said: dict[str, Any] = json.loads(text)
            if said["format"] > FORMAT:
                raise FailedPrecondition(
                    f"The backup has format {said['format']}; this release reads {FORMAT}.",
                    reason="BACKUP_TOO_NEW",
                    hint="Use the release that made it, or a newer one.",
                )
            parts = {name: Part(**part) for name, part in said.pop("parts").items()}
            return cls(parts=parts, **said)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(
                f"A backup's manifest cannot be read ({type(error).__name__}).",
                reason="BACKUP_DAMAGED",
                hint="`dock backup --list` shows others.",
            ) from error


ROWS, PACKAGES, KEYS = "rows.jsonl.gz", "packages.jsonl.gz", "keys.json"
MANIFEST = "manifest.json"


def name_at(moment: float, revision: int) -> str:
    """A backup's name: names sort by time."""
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y%m%dT%H%M%S.%fZ}-r{revision}"
