"""Settings of checking, read from DOCK_CHECKING_* and given by the composition root."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CheckingSettings(BaseSettings):
    """How packages are checked."""

    model_config = SettingsConfigDict(env_prefix="DOCK_CHECKING_", use_attribute_docstrings=True)

    parallel: int = Field(default=2, ge=1, le=64)
    """Checks that run at a time in this process."""

    lease_s: float = Field(default=60.0, ge=5.0)
    """Seconds a claim lasts without being renewed; after that another process takes the check over."""

    poll_s: float = Field(default=1.0, ge=0.01)
    """Seconds after which the queue is looked at although no event woke it."""

    advisories: Path | None = None
    """File of known vulnerabilities in the OSV format; what an environment holds of them is told in the verdict."""

    keys: Path | None = None
    """Folder of the key that verdicts are signed with, the same for all checkers of a dock; unset, `keys` in the data
    folder."""

    new_key: bool = False
    """Sign with the key in that folder although another one is on record: once, after that was lost."""

    seed: int | None = None
    """Seed of the random inputs of checks; unset, every check draws its own."""
