"""Where an object store's address and keys come from, so that errors name what a user can put right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The options and settings by which somebody named a store."""

    url: str = "DOCK_BLOB_URL"
    keys: str = "DOCK_BLOB_ACCESS_KEY and DOCK_BLOB_SECRET_KEY"
    instead: str = "set DOCK_BLOB_CREATE_BUCKET=true"
    """What else there is to do where the bucket is missing than to make it."""


PACKAGES = Origin()
"""A dock's own store of packages."""
