"""The variables of programs that run outside every sandbox: what they need of ours, and none of the dock's secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping

_NAMES = frozenset({
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "NETRC", "DBUS_SESSION_BUS_ADDRESS"),
    *("PYENV_ROOT", "RUST_LOG", "RUST_BACKTRACE", "RAYON_NUM_THREADS"),
})  # fmt: skip
_EITHER_CASE = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_BEGINNINGS = ("UV_", "XDG_", "LC_")
_NOT_OURS = ("UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON")
_TO_PUBLISH = "UV_PUBLISH_"
"""Credentials to upload packages with, which a dock never does."""


def surroundings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Paths, locale, proxies, certificates, caches and uv's own settings (its indexes, with their passwords).

    A list of what is passed on, and not of what is kept back: a secret that comes later is kept back too.
    """
    return {name: value for name, value in environment.items() if _is_passed_on(name)}


def _is_passed_on(name: str) -> bool:
    if name in _NOT_OURS or name.startswith(_TO_PUBLISH):
        return False
    return name in _NAMES or name.lower() in _EITHER_CASE or name.startswith(_BEGINNINGS)
