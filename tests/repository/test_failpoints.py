"""Sources, list and documentation agree on the failpoints."""

from __future__ import annotations

import re
from collections import Counter

from dock_failpoint.names import NAMES
from tests.repository.tree import ROOT, sources

CALL = re.compile(r"\bfailpoint\(\"([^\"]+)\"\)")
ROW = re.compile(r"^\| `([a-z_.]+)` \| ([^|]+) \|", re.MULTILINE)


def test_every_failpoint_is_listed_and_stands_in_one_place():
    product = [path for path in sources() if path.relative_to(ROOT).parts[0] in ("libs", "services")]
    found = Counter(
        name for path in product if "tests" not in path.parts for name in CALL.findall(path.read_text(encoding="utf-8"))
    )
    assert found == Counter(dict.fromkeys(NAMES, 1))
    assert len(NAMES) >= 24


def test_the_documentation_lists_them_all():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert {name: told.strip() for name, told in ROW.findall(page)} == dict(NAMES)
