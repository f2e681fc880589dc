"""Specification types: what stands in for an owner's data, ours or a plug-in's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from learndock import plugins
from learndock.errors import DockError, FailedPrecondition
from learndock.specification.rules import parse_document, refuse
from learndock.specification.table import TableSpecification


@runtime_checkable
class Specification(Protocol):
    """A statistical specification of any type. `type` is the name that files and packages carry."""

    @property
    def type(self) -> str:
        """The name of the type."""
        ...

    @property
    def dimension(self) -> int:
        """The width of what the model takes; learnwares of another width are never compared."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads: JSON's own types only."""
        ...


@runtime_checkable
class Comparable(Specification, Protocol):
    """A specification with a distance of its own, which is all that searching by it needs."""

    def distance(self, other: Any) -> float:
        """How far another of the same type and width is: finite, not negative, 0 for itself."""
        ...


def need_table(specification: Specification) -> TableSpecification:
    """The specification itself where it is that of a table; FailedPrecondition SPECIFICATION_NOT_TABLE elsewhere."""
    if isinstance(specification, TableSpecification):
        return specification
    raise FailedPrecondition(
        f"This needs a table's reduced points, and {specification.type} has none.",
        reason="SPECIFICATION_NOT_TABLE",
        hint="Use averaging, or a reuser that learns from labels.",
    )


class SpecificationType(Protocol):
    """A type, most often the class of its specifications.

    `data_type` is that of the semantic specification: Table, Image, Text.
    """

    type: str
    data_type: str

    def from_json(self, value: Mapping[str, Any]) -> Specification:
        """Read what `to_json` wrote. The mapping comes from outside: InvalidInput for anything wrong in it."""
        ...


SpecificationTypes = Mapping[str, SpecificationType]


def installed_types() -> SpecificationTypes:
    """Every specification type by its name, plug-ins among them; one is loaded when it is taken."""
    return _Installed()


class _Installed(Mapping[str, SpecificationType]):
    def __getitem__(self, name: str) -> SpecificationType:
        if name not in plugins.names(plugins.SPECIFICATIONS):
            raise KeyError(name)
        found: SpecificationType = plugins.load(plugins.SPECIFICATIONS, name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in plugins.names(plugins.SPECIFICATIONS)

    def __iter__(self) -> Iterator[str]:
        return iter(plugins.names(plugins.SPECIFICATIONS))

    def __len__(self) -> int:
        return len(plugins.names(plugins.SPECIFICATIONS))


def read_specification(
    kind: str, value: str | bytes | Mapping[str, Any], types: SpecificationTypes | None = None
) -> Specification:
    """Read a specification of the named type, `types` being those that are installed unless given.

    The JSON is parsed here, within limits; a plug-in sees plain values only, and whatever it raises on them counts
    against the file. InvalidInput SPECIFICATION_INVALID; FailedPrecondition SPECIFICATION_TYPE_UNKNOWN; Unavailable
    PLUGIN_BROKEN.
    """
    document = parse_document(value)
    reader = (installed_types() if types is None else types).get(kind)
    if reader is None:
        raise FailedPrecondition(
            f"Nothing here reads specifications of the type {kind[:60]!r}.",
            reason="SPECIFICATION_TYPE_UNKNOWN",
            hint="Install the plug-in that it comes with; `dock plugins` lists what is installed.",
            details={"type": kind[:60]},
        )
    try:
        return reader.from_json(document)
    except DockError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in's reader over a stranger's file
        refuse(f"The specification is no valid {kind}: {type(error).__name__}: {str(error)[:200]}.")
