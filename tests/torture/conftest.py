"""Makes the tools of torture importable: a test is the short form of what they measure."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "torture"))
