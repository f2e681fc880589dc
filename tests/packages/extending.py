"""The plug-ins of docs/guide/extending.md, put on disk as a package that pip would have installed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.repository.tree import ROOT

PAGE = ROOT / "docs/guide/extending.md"


def module_source() -> str:
    """Give the module that the page's examples make up."""
    return "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))


def install(folder: Path) -> Path:
    """Write the module and its metadata into a folder, which belongs on sys.path."""
    text = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL).group(1)
    entries = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", text).replace('"', "")
    metadata = folder / "field_plugins-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "field_plugins.py").write_text(module_source())
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: field-plugins\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entries)
    return folder
