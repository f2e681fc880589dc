"""What a server of this machine shows by TLS, and whose clients it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files of a server, PEM, which then speaks TLS alone; `client_ca`, if given, is whose clients it takes."""

    cert: Path
    key: Path
    client_ca: Path | None = None
