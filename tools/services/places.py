"""Where the servers of a checkout are kept."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
BIN = ROOT / ".venv" / "bin"
