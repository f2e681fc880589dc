"""The words that options take, in any case, and what to say where one is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import click

from learndock.semantic.values import VALUES

TASKS = VALUES["Task"]
SCENARIOS = VALUES["Scenario"]
LICENSES = VALUES["License"]
DATA_TYPES = VALUES["Data"]
LIBRARIES = VALUES["Library"]


class OneOf(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """One of some words; case does not matter, and nothing stays nothing."""

    name = "word"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word as the list has it."""
        if value == "":
            return ""
        by_fold = {word.casefold(): word for word in self.words}
        word = by_fold.get(str(value).casefold())
        if word is None:
            near = difflib.get_close_matches(str(value).casefold(), by_fold, 1)
            hint = f"Did you mean {by_fold[near[0]]}?" if near else f"Known: {', '.join(self.words)}."
            self.fail(f"{value!r} is not known. {hint}", param, ctx)
        return word

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002
        """The first words, so that the help stays short."""
        return "[" + "|".join(self.words[:3]) + ("|…]" if len(self.words) > 3 else "]")

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[click.shell_completion.CompletionItem]:
        """The words that go on as what was typed."""
        fold = incomplete.casefold()
        return [click.shell_completion.CompletionItem(word) for word in self.words if word.casefold().startswith(fold)]


def one_of(words: Sequence[str]) -> OneOf:
    """The type of an option that takes one of these words."""
    return OneOf(words)
