"""The base class that packages written for the peer derive their models from."""

from .base import BaseModel

__all__ = ["BaseModel"]
