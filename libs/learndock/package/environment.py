"""The environment that a package asks for, from whichever of the two files it has."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement

from learndock.package import conda
from learndock.package.archive import Archive
from learndock.package.document import decode_text, load_yaml
from learndock.package.limits import PackageLimits
from learndock.package.lookalike import lookalike
from learndock.package.parts import EnvironmentRequest
from learndock.package.refusal import refuse
from learndock.package.requirements import Wanted, read_requirements

REQUIREMENTS = "requirements.txt"


def read_environment(archive: Archive, limits: PackageLimits) -> EnvironmentRequest:
    """Read environment.yaml, or requirements.txt where there is none.

    InvalidInput ENVIRONMENT_MISSING, ENVIRONMENT_INVALID, REQUIREMENT_REFUSED, CHANNEL_REFUSED.
    """
    if conda.FILE in archive.files:
        data = archive.read(conda.FILE, "yaml_bytes", "ENVIRONMENT_INVALID")
        wanted = conda.read_conda(load_yaml(data, conda.FILE, limits), limits)
        if REQUIREMENTS in archive.files:
            wanted.notes.append(f"{REQUIREMENTS} is not used: {conda.FILE} wins.")
        return _request(wanted, conda.FILE)
    if REQUIREMENTS not in archive.files:
        other = next((name for name in ("environment.yml", "requirement.txt") if name in archive.files), "")
        refuse(
            "ENVIRONMENT_MISSING",
            f"The package has neither {conda.FILE} nor {REQUIREMENTS}{f' (it has {other})' if other else ''}.",
            hint=f"Add a {REQUIREMENTS} with the packages the model imports; it may be empty.",
        )
    data = archive.read(REQUIREMENTS, "requirement_bytes", "ENVIRONMENT_INVALID")
    return _request(read_requirements(decode_text(data, REQUIREMENTS), REQUIREMENTS, limits), REQUIREMENTS)


def _request(wanted: Wanted, source: str) -> EnvironmentRequest:
    return EnvironmentRequest(wanted.python, tuple(wanted.requirements), source, (*wanted.notes, *_doubts(wanted)))


def _doubts(wanted: Wanted) -> Iterator[str]:
    for line in wanted.requirements:
        name = Requirement(line).name
        if near := lookalike(name):
            yield f"REQUIREMENT_LOOKALIKE: {name} is one slip away from {near}; make sure that it is what you mean."
