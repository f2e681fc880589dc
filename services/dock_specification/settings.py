"""Settings of specification, read from DOCK_SPECIFICATION_* and given by the composition root."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SpecificationSettings(BaseSettings):
    """How accepted specifications are worked on."""

    model_config = SettingsConfigDict(env_prefix="DOCK_SPECIFICATION_", use_attribute_docstrings=True)

    lease_s: float = Field(default=60.0, ge=5.0)
    """Seconds a claim lasts; after that another process takes the work over."""

    poll_s: float = Field(default=1.0, ge=0.01)
    """Seconds after which the queue is looked at although no event woke it."""
