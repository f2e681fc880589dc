"""Install the project into .venv of the checkout; quick where that was done before.

Needs Python 3.10 or newer and nothing else. On Debian or Ubuntu as root it installs `python3-venv` and
`bubblewrap` where they are missing; everybody else is told how. All other files stay inside the checkout.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
OLDEST = (3, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what linting, typing and generating need")
    dev = parser.parse_args().dev
    if sys.version_info[:2] < OLDEST:
        sys.exit(
            f"LearnDock needs Python 3.10 or newer, and this is {sys.version.split()[0]}. "
            "Name another one: make setup PYTHON=python3.12"
        )
    os.environ.setdefault("UV_CACHE_DIR", str(ROOT / ".cache" / "uv"))
    stamp = VENV / (".set-up-dev" if dev else ".set-up")
    mark = _mark()
    if _is_current(stamp, mark) or (not dev and _is_current(VENV / ".set-up-dev", mark)):
        return
    _ensure_bubblewrap()
    _ensure_venv()
    _install([LOCK, DEV_LOCK] if dev else [LOCK])
    wheels = VENV / ".wheels"
    if not _is_current(wheels, mark):
        _run([str(PYTHON), str(ROOT / "tools" / "fill_environment_cache.py")])
        wheels.write_text(mark, encoding="utf-8")
    stamp.write_text(mark, encoding="utf-8")


def _is_current(stamp: Path, mark: str) -> bool:
    return PYTHON.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == mark


def _mark() -> str:
    """Digest of what set-up depends on; the folder too, for an editable install names it."""
    digest = hashlib.sha256(f"{ROOT} {os.environ.get('UV_CACHE_DIR', '')}".encode())
    for name in ("pyproject.toml", LOCK.name, DEV_LOCK.name, "tools/setup.py", "tools/fill_environment_cache.py"):
        path = ROOT / name
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"set-up failed at: {' '.join(command)}\nThe lines above say why; run it again after mending it.")


def can_apt() -> bool:
    """Whether packages of the system may be installed: root, on Debian or Ubuntu."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*names: str) -> None:
    """Install packages of the system; whoever called looks whether they are there now."""
    _say(f"apt-get install {' '.join(names)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*quiet, "update"], env=environment, check=False)
    subprocess.run([*quiet, "install", "-y", *names], env=environment, check=False)


def _ensure_bubblewrap() -> None:
    """Warn and go on where it can't be had: `dock` then refuses by itself to run packages, and says how."""
    if shutil.which("bwrap") is None and can_apt():
        apt_install("bubblewrap")
    if shutil.which("bwrap") is None:
        _say("bubblewrap is missing: the dock runs no package without it. Install it with your system's")
        _say("package manager, for example: sudo apt-get install bubblewrap; sudo dnf install bubblewrap")


def _has_venv() -> bool:
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def _ensure_venv() -> None:
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    for package in ("python3-venv", f"python3.{sys.version_info[1]}-venv"):
        if not _has_venv() and can_apt():
            apt_install(package)
    if not (_has_venv() and _make_venv([sys.executable, "-m", "venv"])) and not _make_venv_otherwise():
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"set-up: {sys.executable} can't make a virtual environment: its modules venv and ensurepip are missing.\n"
            "On Debian or Ubuntu: sudo apt-get install python3-venv. Elsewhere: put uv or virtualenv on the PATH."
        )


def _make_venv(way: list[str]) -> bool:
    shutil.rmtree(VENV, ignore_errors=True)
    return subprocess.run([*way, str(VENV)], check=False).returncode == 0


def _make_venv_otherwise() -> bool:
    ways = (["uv", "venv", "--seed", "--python", sys.executable], ["virtualenv", "--python", sys.executable])
    return any(_make_venv(way) for way in ways if shutil.which(way[0]))


def _install(locks: list[Path]) -> None:
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        _say("installing uv into .venv")
        pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-cache-dir"]
        _run([*pip, _pinned("uv")])
    _say("installing the locked packages into .venv")
    # Compiled once here: where Python may not write bytecode, each `dock` would compile all its imports anew.
    install = [str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
    for lock in locks:
        _run([*install, "--requirements", str(lock)])
    _run([*install, "--no-deps", "--editable", str(ROOT)])


def _pinned(name: str) -> str:
    found = re.search(rf"^{name}==\S+", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found.group(0) if found else name


if __name__ == "__main__":
    main()
