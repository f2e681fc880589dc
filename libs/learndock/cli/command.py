"""The class of our commands: their help keeps the lines of an example as they are written."""

from __future__ import annotations

import inspect
import re
from typing import Any

import click

_EXAMPLE = re.compile(r"^(?=Examples?:)", re.MULTILINE)
_KEEP_LINES = "\b\n"


class Command(click.Command):
    """A command whose docstring ends in an example."""

    def __init__(self, name: str | None, **given: Any) -> None:
        given["help"] = keep_example(given.get("help") or "")
        super().__init__(name, **given)


def keep_example(text: str) -> str:
    """Mark the paragraph that starts with "Example:" so that its lines are not filled."""
    return _EXAMPLE.sub(_KEEP_LINES, inspect.cleandoc(text))
