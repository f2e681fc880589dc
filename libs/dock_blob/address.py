"""What an object store's URL says: s3://[key:secret@]host:port/bucket[/prefix]?secure=true&region=us-east-1."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from dock_blob.key import check_key
from dock_blob.origin import PACKAGES, Origin
from dock_blob.settings import BlobSettings
from learndock.errors import FailedPrecondition, InvalidInput

_OPTIONS = {"secure", "region"}
_BUCKET = re.compile(r"(?!\d+(\.\d+){3}$)[A-Za-z0-9][A-Za-z0-9._:-]{1,61}[A-Za-z0-9]")
"""What the client takes for a bucket's name; a store may ask for more."""
_HINT = "Write s3://host:port/bucket, with ?secure=false where it speaks no TLS."


@dataclass(frozen=True)
class Address:
    """A bucket of a store, with what opens it. `str()` of it has no secret."""

    endpoint: str
    bucket: str
    prefix: str
    secure: bool
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.bucket}"

    @classmethod
    def parse(cls, url: str, settings: BlobSettings, origin: Origin = PACKAGES) -> Address:
        """Read a URL, which is from `origin`; settings win over what it says.

        InvalidInput BLOB_URL_INVALID, FailedPrecondition STORAGE_CREDENTIALS_MISSING.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _invalid(origin, "it cannot be taken apart") from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, prefix = parts.path.strip("/").partition("/")
        if parts.scheme != "s3" or not parts.hostname or not bucket:
            raise _invalid(origin, "scheme s3, host or bucket is missing")
        if not _BUCKET.fullmatch(bucket) or any(pair in bucket for pair in ("..", ".-", "-.")):
            raise _invalid(origin, "the bucket's name has to be 3 to 63 letters, digits, dots and hyphens")
        if set(options) - _OPTIONS or options.get("secure", "true") not in ("true", "false"):
            raise _invalid(origin, "it may have secure=true or false and region=NAME, and no other option")
        if prefix:
            check_key(prefix)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        access_key = settings.access_key.get_secret_value() or unquote(parts.username or "")
        secret_key = settings.secret_key.get_secret_value() or unquote(parts.password or "")
        if not access_key or not secret_key:
            raise FailedPrecondition(
                "There is no access key or no secret key for the object store.",
                reason="STORAGE_CREDENTIALS_MISSING",
                hint=f"Set {origin.keys}.",
            )
        return cls(
            endpoint=f"{host}:{port}" if port else host,
            bucket=bucket,
            prefix=f"{prefix}/" if prefix else "",
            secure=options.get("secure", "true") == "true",
            region=settings.region or options.get("region") or "us-east-1",
            access_key=access_key,
            secret_key=secret_key,
        )


def _invalid(origin: Origin, why: str) -> InvalidInput:
    return InvalidInput(f"{origin.url} is no object store's URL: {why}.", reason="BLOB_URL_INVALID", hint=_HINT)
