"""What a model prints, kept up to a limit and made harmless for terminals."""

from __future__ import annotations

import re
import threading
import unicodedata

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def clean_text(text: str) -> str:
    """Text without terminal escapes, control characters and marks that turn or hide what one reads."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )


class Log:
    """Bytes of a sandbox's output, the first `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._lock = threading.Lock()

    def add(self, data: bytes) -> bool:
        """Keep what still fits; False once there was more than the limit."""
        with self._lock:
            room = self._limit - len(self._data)
            self._data += data[:room]
            return len(data) <= room

    def text(self) -> str:
        """What was kept, cleaned."""
        with self._lock:
            data = bytes(self._data)
        return clean_text(data.decode("utf-8", "replace"))
