"""Settings of reuse, read from DOCK_REUSE_* and given by the composition root."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ReuseSettings(BaseSettings):
    """How learnwares are served."""

    model_config = SettingsConfigDict(env_prefix="DOCK_REUSE_", use_attribute_docstrings=True)

    warm: int = Field(default=8, ge=1, le=256)
    """Sandboxes kept running between calls; the one used longest ago makes room."""

    max_members: int = Field(default=10, ge=1, le=50)
    """Most learnwares one Predict may use."""

    max_rows: int = Field(default=100_000, ge=1)
    """Most rows one Predict may send."""

    max_calls: int = Field(default=16, ge=1)
    """Calls of Predict served at a time; more are turned away for a moment."""
