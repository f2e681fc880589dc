"""Settings of search, read from DOCK_SEARCH_* and given by the composition root."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SearchSettings(BaseSettings):
    """How the index follows the database and answers."""

    model_config = SettingsConfigDict(env_prefix="DOCK_SEARCH_", use_attribute_docstrings=True)

    poll_s: float = Field(default=1.0, ge=0.01)
    """Seconds after which the database is looked at although no event woke the follower."""

    searcher: str = "exact"
    """The searcher by its name; `dock plugins` lists those that are installed."""

    max_limit: int = Field(default=1000, ge=1)
    """Most hits one search may ask for."""

    max_mixture_size: int = Field(default=10, ge=1, le=50)
    """Most learnwares a mixture may have."""

    max_waiting: int = Field(default=16, ge=1)
    """Searches that may wait at a time for a revision that the index does not hold yet."""

    max_wait_s: float = Field(default=30.0, ge=0.0)
    """Longest that one of them waits, whatever its deadline."""

    replica: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    """Name of this replica on the bus, different for each; unset, the machine's name and the process's number."""
