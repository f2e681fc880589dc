"""Texts as every database takes them: PostgreSQL refuses NUL, and no driver can send half a surrogate pair."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

from learndock.errors import InvalidInput

_INSTEAD = "\N{REPLACEMENT CHARACTER}"


class Text(TypeDecorator[str]):
    """What people or programs wrote: what cannot be stored is replaced, as a log must not be lost for one character."""

    impl = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - its signature
        """The text without them."""
        return None if value is None else _storable(value)

    @property
    def python_type(self) -> type[Any]:
        """A string."""
        return str


class String(TypeDecorator[str]):
    """A name or key, which is what it is or is not at all: InvalidInput TEXT_INVALID."""

    impl = sqlalchemy.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - its signature
        """The same text."""
        if value is not None and _storable(value) != value:
            raise InvalidInput(
                "A name or id holds a character that cannot be stored.",
                reason="TEXT_INVALID",
                hint="Leave out NUL and lone surrogates.",
            )
        return value

    @property
    def python_type(self) -> type[Any]:
        """A string."""
        return str


def _storable(value: str) -> str:
    clean = value.replace("\0", _INSTEAD)
    return clean if clean.isascii() else clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
