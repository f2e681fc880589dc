"""pip lines from strangers: plain names with versions and markers, and nothing that acts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from learndock.package.limits import PackageLimits
from learndock.package.refusal import refuse, refuse_limit, shown

SHIMMED = "learnware"
"""The peer's own package: the runtime brings what a model needs of it."""

LINE_CHARACTERS = 500

_COMMENT = re.compile(r"(^|\s)#.*$")
_VERSION = re.compile(r"\d+(\.\d+)?")
_LINK = re.compile(r"(?i)^(git|hg|svn|bzr|https?|ftp|file)[+:]|://|^\.{0,2}[/\\]|\.(whl|zip|tar\.gz)$")


@dataclass
class Wanted:
    """What the lines read so far ask for; requirements in their order, each once."""

    python: str = ""
    requirements: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def ask_python(self, specifier: str) -> None:
        """Take the first version that a specifier allows as "major.minor"."""
        clauses = [clause for clause in specifier.split(",") if not clause.strip().startswith(("<", "!"))]
        found = _VERSION.search(",".join(clauses))
        self.python = found.group() if found else self.python


def read_requirements(text: str, name: str, limits: PackageLimits) -> Wanted:
    """Read a requirements file; InvalidInput REQUIREMENT_REFUSED with `file`, `line` and `text`."""
    lines = text.splitlines()
    if len(lines) > limits.requirement_lines:
        message = f"{name} has {len(lines)} lines, more than the {limits.requirement_lines} that are taken."
        refuse_limit("REQUIREMENT_REFUSED", message, limits, "requirement_lines", file=name)
    wanted = Wanted()
    add_lines(wanted, enumerate(lines, 1), name)
    return wanted


def add_lines(wanted: Wanted, lines: Iterable[tuple[int, str]], name: str) -> None:
    """Add numbered pip lines; InvalidInput REQUIREMENT_REFUSED."""
    for number, line in lines:
        plain = _COMMENT.sub("", line.lstrip("\ufeff")).strip()
        if plain:
            _add(wanted, plain, name, number)


def _add(wanted: Wanted, line: str, name: str, number: int) -> None:
    requirement = parse_requirement(line, name, number)
    key = canonicalize_name(requirement.name)
    if key == "python":
        wanted.ask_python(str(requirement.specifier))
    elif key == SHIMMED:
        wanted.notes.append(f"{name}: {SHIMMED} is left out; the runtime brings what a model needs of it.")
    else:
        requirement.name = key
        wanted.requirements[str(requirement)] = None


def parse_requirement(line: str, name: str, number: int) -> Requirement:
    """Give one pip line as a requirement; InvalidInput REQUIREMENT_REFUSED says what is wrong with it."""
    if fault := _fault(line):
        _refuse_line(line, name, number, *fault)
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        hint = "Write it as pip does: numpy==1.26.4"
        _refuse_line(line, name, number, "is no requirement of the form 'name version; marker'", hint)
    if requirement.url is not None or any(part.operator == "===" for part in requirement.specifier):
        _refuse_line(line, name, number, "names a link or an arbitrary version", "Ask for a version: name==1.2")
    return requirement


def _fault(line: str) -> tuple[str, str] | None:
    if len(line) > LINE_CHARACTERS or not line.isascii() or not line.isprintable():
        return f"is longer than {LINE_CHARACTERS} characters or not plain ASCII", "Ask for one package in a line."
    if line.startswith("-") or " --" in line:
        return "is an option of pip; only packages by name are taken", "Take it out (hashes too)."
    if " @ " in line or _LINK.search(line.partition(";")[0].strip()):
        return "is a link or a path; only packages by name are taken", "`pip list --format=freeze` gives names."
    if "$" in line or "%" in line or "`" in line:
        return "uses a variable of the environment", "Write the value out."
    if line.endswith("\\"):
        return "goes on in the next line", "Write it in one line, without hashes."
    return None


def _refuse_line(line: str, name: str, number: int, fault: str, hint: str) -> NoReturn:
    message = f"{name} line {number}: {shown(line)} {fault}."
    refuse("REQUIREMENT_REFUSED", message, hint=hint, file=name, line=number, text=shown(line))
