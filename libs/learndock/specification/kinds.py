"""Specification types: what stands in for an owner's data, ours or a plug-in's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from learndock import plugins
from learndock.errors import DockError, FailedPrecondition
from learndock.specification.rules import parse_document, refuse


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


def installed_types() -> dict[str, SpecificationType]:
    """Every specification type by its name, plug-ins among them. FailedPrecondition PLUGIN_BROKEN."""
    return plugins.load_all(plugins.SPECIFICATIONS)


def read_specification(
    kind: str, value: str | bytes | Mapping[str, Any], types: SpecificationTypes | None = None
) -> Specification:
    """Read a specification of the named type, `types` being those that are installed unless given.

    The JSON is parsed here, within limits; a plug-in sees plain values only, and whatever it raises on them counts
    against the file. InvalidInput SPECIFICATION_INVALID; FailedPrecondition SPECIFICATION_TYPE_UNKNOWN.
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
