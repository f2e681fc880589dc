"""Which paths a package may hold: such that mean the same file on every system, inside the folder."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable

from learndock.package.limits import PackageLimits
from learndock.package.refusal import refuse, refuse_limit, shown

_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?$")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_RENAME = "Rename it (letters, digits, - and _ are always fine) and pack again."


def decode_name(raw: bytes) -> str:
    """Give an entry's name; InvalidInput ZIP_NAME_UNSAFE where it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        refuse("ZIP_NAME_UNSAFE", f"The name {shown(raw)} in the zip is not UTF-8.", hint=_RENAME)


def check_name(name: str, limits: PackageLimits) -> None:
    """Raise InvalidInput ZIP_NAME_UNSAFE unless the path is plain, relative and stays inside."""
    _check_bounds(name, limits)
    fault = _path_fault(name) or next(filter(None, map(_part_fault, _parts(name))), "")
    if fault:
        refuse("ZIP_NAME_UNSAFE", f"The name {shown(name)} in the zip {fault}.", hint=_RENAME, name=shown(name))


def fold(name: str) -> str:
    """Give the form under which two names would be one file on some system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_leftover(name: str) -> bool:
    """Whether a path is what editors and file managers leave behind, never part of a package."""
    parts = _parts(name)
    return "__MACOSX" in parts or parts[-1] == ".DS_Store" or parts[-1].endswith("~")


def top_folder(names: Iterable[str], marker: str) -> str | None:
    """Give the folder ("" or "name/") that holds `marker`: the root, or one folder around everything.

    Folder entries are not needed for it, as Python's zipfile writes none. None where neither fits.
    """
    names = list(names)
    if marker in names:
        return ""
    tops = {name.partition("/")[0] for name in names}
    top = f"{next(iter(tops))}/" if len(tops) == 1 else ""
    return top if top and top + marker in names else None


def inside(path: str) -> str | None:
    """Give a yaml's path in plain form ("./a//b.py" is "a/b.py"), or None where it leaves the package."""
    plain = posixpath.normpath(path)
    escapes = plain.startswith(("/", "../")) or plain in {".", ".."}
    return None if escapes or "\\" in path or ":" in path or "\0" in path else plain


def _parts(name: str) -> list[str]:
    return name.removesuffix("/").split("/")


def _check_bounds(name: str, limits: PackageLimits) -> None:
    for bound, found, what in (
        ("path_bytes", len(name.encode("utf-8", "surrogatepass")), "is longer than {} bytes"),
        ("depth", len(_parts(name)), "is nested deeper than {} folders"),
    ):
        if found > getattr(limits, bound):
            fault = what.format(getattr(limits, bound))
            message = f"The name {shown(name)} in the zip {fault}."
            refuse_limit("ZIP_NAME_UNSAFE", message, limits, bound, hint="Rename the file and pack again.")


def _path_fault(name: str) -> str:
    if name.startswith("/"):
        return "is an absolute path"
    if any(c in name for c in "\\:") or any(unicodedata.category(c) in _HIDDEN for c in name):
        return "holds a backslash, a colon or an invisible character"
    return "" if unicodedata.is_normalized("NFC", name) else "is not in Unicode form NFC"


def _part_fault(part: str) -> str:
    if part in {"", ".", ".."}:
        return "steps through '.', '..' or an empty folder name"
    if part[0] == "-":
        return "has a part that reads like an option of a command"
    if part[-1] in ". ":
        return "has a part that ends in a dot or a space"
    return "has a part that is a device on Windows" if _DEVICE.match(part) else ""
