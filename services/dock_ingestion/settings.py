"""Settings of ingestion, read from DOCK_INGESTION_* and given by the composition root."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestionSettings(BaseSettings):
    """How ingestion takes uploads."""

    model_config = SettingsConfigDict(env_prefix="DOCK_INGESTION_", use_attribute_docstrings=True)

    max_chunk_bytes: int = Field(default=1 << 20, ge=1 << 10, le=4 << 20)
    """Largest chunk of an upload, in bytes."""

    max_waiting_per_owner: int = Field(default=1000, ge=1)
    """Learnwares of one owner that may wait for their check; more are turned away for a while."""

    max_uploads_per_minute: int = Field(default=600, ge=1)
    """Uploads that one owner may begin in a minute, a tenth of them at once; more are turned away for a while."""

    abandoned_after_s: float = Field(default=86_400.0, ge=1.0)
    """Seconds without progress after which an unfinished upload or an orphan blob is swept."""

    sweep_period_s: float = Field(default=3_600.0, ge=1.0)
    """Seconds between two sweeps."""

    suspend_after: int = Field(default=3, ge=0)
    """Confirmed breaches of the rules for outputs, within the window below, that suspend a version; 0: never."""

    suspend_window_s: float = Field(default=86_400.0, ge=1.0)
    """Seconds within which breaches count together."""

    watch_poll_s: float = Field(default=0.5, ge=0.01, le=10.0)
    """Seconds after which a watcher looks at the database although nothing woke it."""
