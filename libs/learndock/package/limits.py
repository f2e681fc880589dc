"""How large a package may be, in every direction in which a hostile one can grow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PackageLimits:
    """Bounds that hold while a package is read. A refusal names the bound that was passed."""

    packed_bytes: int = 5 << 30
    """Size of the zip file."""
    unpacked_bytes: int = 20 << 30
    """Sum of the sizes of the files in it."""
    ratio: int = 200
    """Unpacked to packed, per file and overall, looked at above `ratio_from_bytes`."""
    ratio_from_bytes: int = 1 << 20
    entries: int = 10_000
    path_bytes: int = 240
    depth: int = 16
    """Parts of a path."""
    directory_bytes: int = 16 << 20
    """Size of the zip's central directory."""
    yaml_bytes: int = 64 << 10
    yaml_depth: int = 16
    yaml_nodes: int = 2_000
    requirement_bytes: int = 256 << 10
    requirement_lines: int = 500
    spec_bytes: int = 48 << 20
    semantic_bytes: int = 2 << 20
