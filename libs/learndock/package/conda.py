"""`environment.yaml`: what a conda environment means in pip's terms, with a note for each thing left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from learndock.package.limits import PackageLimits
from learndock.package.refusal import refuse, refuse_limit, shown
from learndock.package.requirements import LINE_CHARACTERS, SHIMMED, Wanted, add_lines

FILE = "environment.yaml"

_PIP_NAMES = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "matplotlib-base": "matplotlib",
    "seaborn-base": "seaborn",
    "py-xgboost": "xgboost",
    "py-opencv": "opencv-python",
    "opencv": "opencv-python",
    "msgpack-python": "msgpack",
    "tensorflow-gpu": "tensorflow",
    "dask-core": "dask",
}
_FOREIGN = frozenset(
    """
    anaconda-anon-usage binutils blas blosc boost boost-cpp brotli brotli-bin brotlipy bzip2 c-ares
    ca-certificates cairo cuda cuda-toolkit cuda-version cudatoolkit cudnn curl cyrus-sasl dbus eigen expat
    ffmpeg fontconfig freetype freeglut gcc gettext giflib glib gmp gnutls graphite2 gst-plugins-base
    gstreamer gxx harfbuzz hdf5 icc-rt icu intel-openmp jasper jpeg keyutils krb5 lame lcms2 lerc
    libblas libcblas liblapack llvm-openmp lz4-c mkl mkl-fft mkl-random mkl-service mpc mpfr mpi
    mysql nccl ncurses nettle nspr nss numpy-base openblas openh264 openjpeg openmpi openssl pcre pcre2
    perl pixman pthread-stubs pyqt pyqt5-sip python-abi pytorch-cuda pytorch-mutex pywin32 pywinpty qt qt-main
    qt-webengine readline sqlite snappy tbb tensorboard-plugin-wit tensorflow-base tensorflow-estimator tk
    tzcode ucrt vc vc14-runtime vs2015-runtime wincertstore winpty x264 xz yaml zeromq zlib zstd
    """.split()  # noqa: SIM905
)
"""Of a conda environment: libraries and tools that are no Python packages, or for other systems only.

Some of these names stand for something else entirely on a Python index, so they are never asked for there.
"""

_FOREIGN_PREFIXES = ("_", "lib", "xorg-", "ld-impl", "ld_impl", "gcc-", "gxx-", "cuda-", "m2w64-", "msys2-")
_PYTHON_LIB = frozenset({"libclang", "libcst", "librosa", "librt", "libsvm"})
_INSTALLERS = frozenset({"pip", "wheel", "conda"})
_MATCH = re.compile(
    r"(?:(?P<channel>[\w./-]+)::)?(?P<name>[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9])?)\s*(?P<version>[=<>!~][^\s]*|\s\S+)?(?:\s+\S+)?"
)
_PLAIN_CHANNEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)*")


def read_conda(document: Any, limits: PackageLimits) -> Wanted:
    """Read a loaded environment.yaml.

    InvalidInput ENVIRONMENT_INVALID, CHANNEL_REFUSED (a channel by address), REQUIREMENT_REFUSED.
    """
    if not isinstance(document, Mapping):
        refuse("ENVIRONMENT_INVALID", f"{FILE} is no mapping with `dependencies`.", file=FILE)
    wanted = Wanted()
    _check_channels(document.get("channels"))
    unused = sorted(set(document) - {"name", "channels", "dependencies", "prefix"})
    wanted.notes += [f"{FILE}: {shown(key)} is not used." for key in unused]
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        refuse("ENVIRONMENT_INVALID", f"{FILE}: dependencies is no list.", file=FILE)
    for number, item in enumerate(dependencies, 1):
        _add_dependency(wanted, item, number, limits)
    return wanted


def _check_channels(channels: Any) -> None:
    if channels is not None and not isinstance(channels, list):
        refuse("ENVIRONMENT_INVALID", f"{FILE}: channels is no list.", file=FILE)
    for channel in channels or []:
        if not isinstance(channel, str) or not _PLAIN_CHANNEL.fullmatch(channel):
            refuse(
                "CHANNEL_REFUSED",
                f"{FILE} asks for the channel {shown(channel)}; channels are taken by name only.",
                hint="Write names such as defaults or conda-forge; packages come from the dock's own index.",
                channel=shown(channel),
            )


def _add_dependency(wanted: Wanted, item: Any, number: int, limits: PackageLimits) -> None:
    if isinstance(item, str):
        _add_conda(wanted, item.strip(), number)
        return
    lines = item.get("pip") or [] if isinstance(item, Mapping) and set(item) == {"pip"} else None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        message = f"{FILE}: dependency {number} is neither a text nor a list under `pip`."
        refuse("ENVIRONMENT_INVALID", message, file=FILE, line=number)
    if len(lines) > limits.requirement_lines:
        message = f"{FILE} has {len(lines)} pip lines, more than {limits.requirement_lines}."
        refuse_limit("REQUIREMENT_REFUSED", message, limits, "requirement_lines", file=FILE)
    add_lines(wanted, enumerate(lines, 1), f"{FILE} (pip)")


def _add_conda(wanted: Wanted, item: str, number: int) -> None:
    found = _MATCH.fullmatch(item) if len(item) <= LINE_CHARACTERS else None
    if found is None or "://" in item or not item.isascii():
        refuse(
            "REQUIREMENT_REFUSED",
            f"{FILE}: dependency {number}, {shown(item)}, is not of the form name=version=build.",
            hint="Write it as name=version; links and brackets are not taken.",
            file=FILE,
            line=number,
            text=shown(item),
        )
    name, version = found["name"].lower(), (found["version"] or "").strip()
    if name == "python":
        wanted.ask_python(version)
    elif _is_foreign(name):
        wanted.notes.append(f"{FILE}: {item} is left out: it is no Python package for this system.")
    elif canonicalize_name(name) == SHIMMED:
        wanted.notes.append(f"{FILE}: {SHIMMED} is left out; the runtime brings what a model needs of it.")
    elif name not in _INSTALLERS:
        _add_python_package(wanted, name, version, item)


def _is_foreign(name: str) -> bool:
    key = canonicalize_name(name)
    return name.startswith("_") or key in _FOREIGN or (key.startswith(_FOREIGN_PREFIXES) and key not in _PYTHON_LIB)


def _add_python_package(wanted: Wanted, name: str, version: str, item: str) -> None:
    name = canonicalize_name(_PIP_NAMES.get(canonicalize_name(name), name))
    specifier = _pip_specifier(version)
    if specifier is None:
        wanted.notes.append(f"{FILE}: the version of {item} means nothing to pip; any version is taken.")
    wanted.requirements[f"{name}{specifier or ''}"] = None


def _pip_specifier(version: str) -> str | None:
    """Give pip's form of a conda version (builds taken off); None where it has none."""
    if not version or version == "*":
        return ""
    alternatives = [_pip_clause(clause) for clause in version.split(",")]
    try:
        return str(SpecifierSet(",".join(alternatives)))
    except InvalidSpecifier:
        return None


def _pip_clause(clause: str) -> str:
    exact = re.fullmatch(r"==?([^=<>!~|]+)=([^=]+)", clause)
    if exact:
        return f"=={exact[1]}"
    if re.match(r"==|[<>!~]", clause):
        return re.sub(r"(?<=[<>])(=?)([^*]*)\.\*$", r"\1\2", clause)
    bare = clause.removeprefix("=").removesuffix("*").removesuffix(".")
    return f"=={bare}.*"
