"""What a package is made of, once it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learndock.semantic import SemanticSpecification

if TYPE_CHECKING:
    from learndock.specification import Specification


@dataclass(frozen=True)
class ModelEntry:
    """Which class is the model, and how it is built. Names only: nothing here was imported."""

    class_name: str = "Model"
    module_path: str = "__init__.py"
    """`*.py` is a file of the package; anything else a module of its environment."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the constructor: what JSON can say, nothing else."""
    weights_file_path: str = "weights"
    required_learnware_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpecificationEntry:
    """One statistical specification: its class, of a closed list, and its file."""

    class_name: str
    file_name: str


@dataclass(frozen=True)
class EnvironmentRequest:
    """The environment a package asks for, in safe pip lines."""

    python: str
    """"3.8", or "" where nothing is asked."""
    requirements: tuple[str, ...]
    source: str
    """The file that was read: "environment.yaml" or "requirements.txt"."""
    notes: tuple[str, ...] = ()
    """What was left out or changed, in words for the verdict."""


@dataclass(frozen=True)
class Package:
    """A package that holds what a learnware needs, read without running any of it."""

    name: str
    model: ModelEntry
    specification_entries: tuple[SpecificationEntry, ...]
    specification: Specification | None
    """Parsed and valid: the first of a type that is read here, most often a TableSpecification; None without one."""
    semantic: SemanticSpecification | None
    environment: EnvironmentRequest
    files: tuple[str, ...]
    """Relative to the package's root, sorted; without the leftovers of editors and file managers."""
    sha256: str
    """Of the zip file."""
    size_bytes: int
    """Of the zip file."""
    notes: tuple[str, ...] = ()
