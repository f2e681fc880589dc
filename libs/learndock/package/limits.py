"""How large a package may be, in every direction in which a hostile one can grow."""

from __future__ import annotations

from dataclasses import dataclass

SETTINGS = "DOCK_PACKAGE_"
"""What the environment variables of a dock begin with that set these bounds."""


@dataclass(frozen=True)
class PackageLimits:
    """Bounds that hold while a package is read. A refusal names the bound that was passed, and its setting.

    These are the defaults, which whoever reads a package without a dock uses; each dock has its own.
    """

    packed_bytes: int = 5 << 30
    """Size of the zip file."""
    unpacked_bytes: int = 20 << 30
    """Sum of the sizes of the files in it."""
    ratio: int = 200
    """Unpacked to packed, per file and overall, looked at above `ratio_from_bytes`."""
    ratio_from_bytes: int = 1 << 20
    """Unpacked size from which `ratio` is looked at."""
    entries: int = 10_000
    """Files and folders in the zip."""
    path_bytes: int = 240
    """Bytes of a file's path."""
    depth: int = 16
    """Parts of a path."""
    directory_bytes: int = 16 << 20
    """Size of the zip's central directory."""
    yaml_bytes: int = 64 << 10
    """Size of learnware.yaml and of environment.yaml."""
    yaml_depth: int = 16
    """Levels of nesting in them."""
    yaml_nodes: int = 2_000
    """Values in each of them."""
    requirement_bytes: int = 256 << 10
    """Size of requirements.txt."""
    requirement_lines: int = 500
    """Lines in it."""
    spec_bytes: int = 48 << 20
    """Size of a statistical specification."""
    semantic_bytes: int = 2 << 20
    """Size of the semantic specification."""


def setting_of(bound: str) -> str:
    """The environment variable by which a dock's operator sets a bound, by the name of its field."""
    return f"{SETTINGS}{bound.upper()}"
