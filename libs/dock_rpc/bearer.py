"""Tokens: what one looks like, how it travels, and how it is kept out of everything that people read.

    dock_pat_7h2k9w4mzq1x_<43 characters, 256 random bits><6 characters, CRC-32 of what stands before>
             id, no secret

The id names a token in lists and logs. The check digits turn typing errors away without a look into the database, and
let scanners for leaked secrets find tokens in texts.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from learndock.errors import InvalidInput

HEADER = "authorization"
PREFIX = "dock_pat_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID = string.digits + string.ascii_lowercase
_FORM = re.compile(rf"{PREFIX}([0-9a-z]{{12}})_[0-9A-Za-z]{{43}}[0-9A-Za-z]{{6}}")
_ANYWHERE = re.compile(rf"({PREFIX}[0-9a-z]{{12}})_[0-9A-Za-z]+|(?i:\b(bearer)\s+[0-9a-z._~+/=-]{(16,)})")
Secret = Callable[[], str]
"""Gives the token to send, "" for none. Called for each call, so that an exchanged file is noticed."""


@dataclass(frozen=True)
class Token:
    """A token as it was shown: only its id may be written anywhere."""

    token_id: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What a database keeps: SHA-256 in hexadecimal. 256 random bits need no slow hash, for nobody can try them."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @classmethod
    def mint(cls) -> Token:
        """A new one."""
        token_id = "".join(secrets.choice(_ID) for _ in range(12))
        number, body = secrets.randbits(256), ""
        for _ in range(43):
            number, digit = divmod(number, 62)
            body += _ALPHABET[digit]
        start = f"{PREFIX}{token_id}_{body}"
        return cls(token_id, start + _check(start))

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """The token that a text is, or None where it is none."""
        match = _FORM.fullmatch(text)
        if match is None or _check(text[:-6]) != text[-6:]:
            return None
        return cls(match[1], text)


def _check(start: str) -> str:
    number, digits = zlib.crc32(start.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits += _ALPHABET[digit]
    return digits


def redact(text: str) -> str:
    """The text with the secret part of every token left out."""
    if PREFIX not in text and "earer" not in text.lower():
        return text
    return _ANYWHERE.sub(lambda match: f"{match[1]}_***" if match[1] else f"{match[2]} ***", text)


def sent_in(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The token that a call brought along, "" where it brought none."""
    for key, value in metadata:
        if key == HEADER and isinstance(value, str):
            scheme, _, secret = value.partition(" ")
            return secret.strip() if scheme.lower() == "bearer" else ""
    return ""


def header(secret: str) -> tuple[str, str]:
    """What a call takes along. InvalidInput TOKEN_MALFORMED, which does not repeat it."""
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise InvalidInput(
            "The token holds characters that no token has.",
            reason="TOKEN_MALFORMED",
            hint="Take it over as it was shown, one line that begins with dock_pat_.",
        )
    return HEADER, f"Bearer {secret}"


def no_token() -> str:
    """For those who send none."""
    return ""


def token_file(path: str | Path) -> Secret:
    """The token in a file, read again when the file changes. InvalidInput TOKEN_FILE_UNREADABLE at once and later."""
    return _TokenFile(Path(path))


class _TokenFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[tuple[int, int, int], str] | None = None
        self()

    def __call__(self) -> str:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._seen is None or self._seen[0] != stamp:
                self._seen = stamp, self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise InvalidInput(
                f"The token in {self._path} can't be read.",
                reason="TOKEN_FILE_UNREADABLE",
                hint="Name a file that holds a token and that this user may read.",
            ) from error
        return self._seen[1]
