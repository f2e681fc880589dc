from __future__ import annotations

import base64
import hashlib
import subprocess
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.interpreter import Interpreter, choose
from learndock.errors import InvalidInput, Unavailable
from learndock.package import EnvironmentRequest


def write_wheel(folder, name, version, requires=(), tag="py3-none-any"):
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {line}\n" for line in requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    records = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}"
        for path, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,"]) + "\n"
    place = folder / "simple" / name
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Index:
    """A package index of a few tiny wheels on the loopback."""

    def __init__(self, folder):
        write_wheel(folder, "numpy", "1.26.0")
        write_wheel(folder, "alpha", "1.0")
        write_wheel(folder, "alpha", "2.0", requires=["beta"])
        write_wheel(folder, "beta", "3.0")
        write_wheel(folder, "elsewhere", "1.0", tag="cp39-cp39-win_amd64")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def index(tmp_path, monkeypatch):
    served = Index(tmp_path / "index")
    for name, value in {
        "UV_DEFAULT_INDEX": served.url,
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_HTTP_RETRIES": "0",
        "UV_HTTP_TIMEOUT": "10",
        "UV_NO_CONFIG": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("UV_OFFLINE", "UV_FIND_LINKS", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)
    yield served
    served.stop()


def request(*lines, python=""):
    return EnvironmentRequest(python, lines, "requirements.txt")


def imports(environment, module):
    code = f"import {module}; print({module}.VERSION)"
    said = subprocess.run([environment.python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def test_an_environment_is_locked_with_digests_and_works(tmp_path, index):
    lines = []
    environment = EnvironmentBuilder(tmp_path / "cache").build(request("alpha"), lines.append)
    assert imports(environment, "alpha") == "2.0"
    assert imports(environment, "beta") == "3.0"
    assert imports(environment, "numpy") == "1.26.0"
    assert environment.lock.count("--hash=sha256:") == 3
    assert environment.lock_sha256 == hashlib.sha256(environment.lock.encode()).hexdigest()
    assert environment.python.is_relative_to(environment.dirs[0])
    assert environment.dropped == ()
    assert (environment.dirs[0] / "lib").is_dir()
    assert list(environment.dirs[0].rglob("alpha*.pyc")), "bytecode is made beforehand"


def test_the_same_lock_is_built_once(tmp_path, index):
    first = EnvironmentBuilder(tmp_path / "cache").build(request("alpha"))
    stamp = first.python.lstat().st_mtime_ns
    again = EnvironmentBuilder(tmp_path / "cache").build(request("numpy", "alpha"))
    assert again.python == first.python
    assert again.python.lstat().st_mtime_ns == stamp


def test_two_builders_at_once_make_one_environment(tmp_path, index):
    built, cache = [], tmp_path / "cache"
    threads = [
        threading.Thread(target=lambda: built.append(EnvironmentBuilder(cache).build(request("alpha"))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({environment.python for environment in built}) == 1
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_what_a_broken_build_left_is_built_anew(tmp_path, index):
    cache = tmp_path / "cache"
    first = EnvironmentBuilder(cache).build(request("alpha"))
    first.dirs[0].rename(cache / f"{first.lock_sha256}.part")
    assert imports(EnvironmentBuilder(cache).build(request("alpha")), "alpha") == "2.0"


def test_offline_builds_from_uvs_cache(tmp_path, index):
    EnvironmentBuilder(tmp_path / "one").build(request("alpha"))
    index.stop()
    environment = EnvironmentBuilder(tmp_path / "two", offline=True).build(request("alpha"))
    assert imports(environment, "alpha") == "2.0"


def test_an_index_that_is_down_leaves_the_cache(tmp_path, index):
    EnvironmentBuilder(tmp_path / "one").build(request("alpha"))
    index.stop()
    assert imports(EnvironmentBuilder(tmp_path / "two").build(request("alpha")), "alpha") == "2.0"


def test_an_index_that_is_down_is_the_hosts_fault(tmp_path, index):
    index.stop()
    with pytest.raises(Unavailable) as down:
        EnvironmentBuilder(tmp_path / "cache").build(request("alpha"))
    assert down.value.reason == "ENVIRONMENT_INDEX_DOWN"
    with pytest.raises(Unavailable) as short:
        EnvironmentBuilder(tmp_path / "cache", offline=True).build(request("alpha"))
    assert short.value.reason == "ENVIRONMENT_NOT_CACHED"


def test_what_no_index_has_is_left_out_and_named(tmp_path, index):
    environment = EnvironmentBuilder(tmp_path / "cache").build(
        request("alpha==1.0", "nowhere==1.0", "elsewhere", "beta", "learnware==0.3.2")
    )
    assert environment.dropped == ("nowhere==1.0", "elsewhere")
    assert imports(environment, "alpha") == "1.0"
    assert imports(environment, "beta") == "3.0"
    assert sum("DROPPED" in note for note in environment.notes) == 2
    assert any("learnware" in note for note in environment.notes)


def test_a_pin_that_cannot_be_had_is_relaxed_and_said(tmp_path, index):
    environment = EnvironmentBuilder(tmp_path / "cache").build(request("alpha==1.5", "beta"))
    assert imports(environment, "alpha") == "2.0"
    assert environment.dropped == ()
    assert any("ENVIRONMENT_PIN_RELAXED: alpha==1.5" in note for note in environment.notes)


def test_strict_refuses_instead(tmp_path, index):
    with pytest.raises(InvalidInput) as refused:
        EnvironmentBuilder(tmp_path / "cache", strict=True).build(request("alpha", "nowhere"))
    assert refused.value.reason == "ENVIRONMENT_UNRESOLVABLE"
    assert "nowhere" in refused.value.message


def test_another_python_is_said(tmp_path, index):
    environment = EnvironmentBuilder(tmp_path / "cache").build(request("beta", python="3.2"))
    assert any(note.startswith("Python 3.2 is not here") for note in environment.notes)


def pythons(*versions):
    return tuple(Interpreter(tuple(map(int, version.split("."))), Path(version), Path("/")) for version in versions)


@pytest.mark.parametrize(
    ("wanted", "chosen", "noted"),
    [
        ("", "3.11.7", False),
        ("3", "3.11.7", False),
        ("3.8", "3.8.18", False),
        ("3.8.2", "3.8.18", False),
        ("3.7", "3.8.18", True),
        ("3.10", "3.11.7", True),
        ("3.14", "3.12.1", True),
        ("2.7", "3.8.18", True),
    ],
)
def test_the_nearest_python_is_chosen(wanted, chosen, noted):
    best, note = choose(wanted, pythons("3.11.7", "3.8.18", "3.8.3", "3.12.1", "3.11.2"))
    assert best.name == chosen
    assert bool(note) == noted
