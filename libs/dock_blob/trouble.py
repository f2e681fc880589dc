"""What S3 servers and the way to them say when something is wrong, as the errors of the port."""

from __future__ import annotations

import ssl
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import SSLError as WrappedSSLError

from dock_blob.origin import PACKAGES, Origin
from learndock.errors import DockError, FailedPrecondition, NotFound, Overloaded, Unavailable

SAID = (MinioException, HTTPError, OSError, ValueError, ParseError)
"""Everything that a call of the client may raise; the last two where an answer cannot be read."""

_FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage", "EntityQuota"}
_KEYS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "Forbidden"}
_GONE = {"NoSuchKey", "NoSuchObject", "XMinioObjectNotFound"}
_DAMAGED = {"XAmzContentSHA256Mismatch", "BadDigest", "IncompleteBody", "InvalidDigest"}
_AGAIN = _DAMAGED | {"SlowDown", "SlowDownRead", "SlowDownWrite", "InternalError", "RequestTimeout"}


class UploadGone(Exception):
    """The multipart upload was completed or dropped meanwhile."""


def typed(error: Exception, where: str, origin: Origin = PACKAGES) -> DockError | UploadGone:
    """The port's error for what the client raised; `where` names server and bucket, `origin` who named those."""
    if isinstance(error, S3Error):
        return _of_code(error.code or "", _status(error), where, origin)
    if isinstance(error, ServerError):
        return _of_code("", error.status_code or 500, where, origin)
    if isinstance(error, InvalidResponseError):
        return _of_code("", getattr(error, "_code", 500) or 500, where, origin)
    if isinstance(error, (WrappedSSLError, ssl.SSLError)) or "CERTIFICATE" in str(error):
        return _untrusted(where)
    return _down(where, _words(error))


def _of_code(code: str, status: int, where: str, origin: Origin) -> DockError | UploadGone:
    if code == "NoSuchUpload":
        return UploadGone()
    if code in _GONE or (status == 404 and not code):
        return NotFound(f"There is no such object in {where}.", reason="BLOB_NOT_FOUND")
    if code in _FULL or status == 507:
        return Overloaded(
            f"The object store {where} is full.",
            reason="STORAGE_FULL",
            hint="Make room or raise its quota; everything goes on by itself.",
            retry_after_s=30.0,
        )
    if status >= 500 or status == 429 or code in _AGAIN:
        return _down(where, f"it answered {code or status}")
    return _refused(code, status, where, origin)


def _refused(code: str, status: int, where: str, origin: Origin) -> FailedPrecondition:
    if code == "NoSuchBucket":
        return FailedPrecondition(
            f"The object store has no bucket {where}.",
            reason="STORAGE_BUCKET_MISSING",
            hint=f"Make it, or {origin.instead}.",
        )
    if code == "RequestTimeTooSkewed":
        return FailedPrecondition(
            f"The clocks of this machine and of the object store {where} differ by more than it allows.",
            reason="STORAGE_CLOCK_SKEWED",
            hint="Set both by NTP.",
        )
    if code in _KEYS or (status in (401, 403) and not code):
        return FailedPrecondition(
            f"The object store {where} refused the dock's keys, or they may not do what the dock needs.",
            reason="STORAGE_FORBIDDEN",
            hint=f"Set {origin.keys} to keys that may read, write, list and delete.",
        )
    return FailedPrecondition(
        f"The object store {where} refused a request: {code or status}.",
        reason="STORAGE_REFUSED",
        hint="See docs/guide/object-stores.md for what a store must be able to do.",
    )


def _status(error: S3Error) -> int:
    return int(getattr(error.response, "status", 0) or 0)


def _down(where: str, what: str) -> Unavailable:
    return Unavailable(
        f"The object store {where} cannot be reached: {what}.",
        reason="STORAGE_DOWN",
        hint="Everything goes on by itself when it answers again.",
        retry_after_s=1.0,
    )


def _untrusted(where: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"No trusted TLS connection to the object store {where} comes about.",
        reason="STORAGE_TLS_FAILED",
        hint="Set DOCK_BLOB_TLS_CA to its authority's file, DOCK_BLOB_TLS_CERT and DOCK_BLOB_TLS_KEY where it asks for "
        "a certificate, or secure=false in the URL where it speaks no TLS.",
    )


def _words(error: Exception) -> str:
    """The kind of trouble; never the text, which may quote a URL."""
    return type(error).__name__
