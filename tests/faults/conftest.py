"""Makes the tools of torture importable: rows of the fault matrix are in short what `make faults` plays at length."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "torture"))
