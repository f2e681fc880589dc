"""From the lines of a package to a lock: every version and digest fixed; what cannot be had is left out and named."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dock_sandbox.installer import OnLine, Run, Uv, refuse_host_faults
from dock_sandbox.interpreter import Interpreter
from learndock.errors import InvalidInput

Compile = Callable[[Sequence[str]], Run]


@dataclass(frozen=True)
class Lock:
    """All that an environment will hold, and what was left out or changed on the way."""

    text: str
    sha256: str
    dropped: tuple[str, ...]
    notes: tuple[str, ...]


def resolve(uv: Uv, python: Interpreter, lines: Sequence[str], *, strict: bool, on_line: OnLine | None = None) -> Lock:
    """Lock the lines for an interpreter, with digests, from binary packages alone.

    InvalidInput ENVIRONMENT_UNRESOLVABLE: always where nothing can be had, and for any line where `strict`.
    """
    wanted, notes = _with_runtime(lines)
    with tempfile.TemporaryDirectory(prefix="lock-") as name:
        folder = Path(name)

        def compile_(some: Sequence[str]) -> Run:
            return _compile(uv, python, some, folder, on_line)

        settled = _Settling(compile_, strict=strict).settle(wanted)
        run = compile_(settled.kept)
        if not run.ok:
            raise _unresolvable(settled.kept, run)
        text = f"# python {python.name}\n" + (folder / "lock.txt").read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Lock(text, digest, tuple(settled.dropped), (*notes, *settled.notes))


def _with_runtime(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    kept = [line for line in lines if _name(line) != "learnware"]
    if len(kept) < len(lines):
        notes.append("learnware is not installed: a stand-in for its BaseModel is there instead.")
    if "numpy" not in {_name(line) for line in kept}:
        kept.append("numpy")
    return kept, notes


def _compile(uv: Uv, python: Interpreter, lines: Sequence[str], folder: Path, on_line: OnLine | None) -> Run:
    (folder / "wanted.txt").write_text("".join(f"{line}\n" for line in lines))
    arguments = ["pip", "compile", "--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate"]
    arguments += ["--quiet", "--no-python-downloads", "--python", str(python.path), "--upgrade"]
    run = uv.run([*arguments, "wanted.txt", "-o", "lock.txt"], cwd=folder, on_line=on_line or None)
    refuse_host_faults(run)
    return run


class _Settling:
    """Finds the lines that can be had together by halving: few runs where few lines are bad."""

    def __init__(self, compile_: Compile, *, strict: bool) -> None:
        self._compile = compile_
        self._strict = strict
        self.kept: list[str] = []
        self.dropped: list[str] = []
        self.notes: list[str] = []

    def settle(self, lines: Sequence[str]) -> _Settling:
        if not lines:
            return self
        run = self._compile([*self.kept, *lines])
        if run.ok:
            self.kept += lines
        elif self._strict:
            raise _unresolvable(lines, run)
        elif len(lines) == 1:
            self._mend(lines[0])
        else:
            middle = len(lines) // 2
            self.settle(lines[:middle]).settle(lines[middle:])
        return self

    def _mend(self, line: str) -> None:
        relaxed = _relaxed(line)
        if relaxed != line and self._compile([*self.kept, relaxed]).ok:
            self.kept.append(relaxed)
            self.notes.append(f"ENVIRONMENT_PIN_RELAXED: {line} cannot be had for this Python; {relaxed} is used.")
        else:
            self.dropped.append(line)
            self.notes.append(f"ENVIRONMENT_REQUIREMENT_DROPPED: {line} cannot be had for this platform; left out.")


def _relaxed(line: str) -> str:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return line
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{marker}" if str(requirement.specifier) else line


def _name(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def _unresolvable(lines: Sequence[str], run: Run) -> InvalidInput:
    return InvalidInput(
        f"No environment can be made of {', '.join(lines)[:300]}: {run.output[-600:]}",
        reason="ENVIRONMENT_UNRESOLVABLE",
        hint="Name versions that have binary packages for this platform and Python.",
    )
