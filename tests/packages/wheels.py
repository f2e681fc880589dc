"""An index of packages on the loopback, of wheels made from what is installed here: environments without network."""

from __future__ import annotations

import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path


def rebuild_wheel(name: str, folder: Path) -> Path:
    """Pack an installed distribution as the wheel it came from, below `folder`/simple/NAME."""
    distribution = metadata.distribution(name)
    tags = [line.partition(": ")[2] for line in _text(distribution, "WHEEL").splitlines() if line.startswith("Tag: ")]
    python, abi, _ = tags[0].split("-")
    platforms = ".".join(tag.split("-")[2] for tag in tags)
    place = folder / "simple" / name
    place.mkdir(parents=True)
    wheel = place / f"{name.replace('-', '_')}-{distribution.version}-{python}-{abi}-{platforms}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for file in distribution.files or []:
            # Scripts and what was compiled or written on installing are no part of a wheel.
            inside = ".." not in file.parts and "__pycache__" not in file.parts
            if inside and file.name not in {"INSTALLER", "REQUESTED", "direct_url.json"}:
                archive.write(distribution.locate_file(file), str(file))
    return wheel


class LocalIndex:
    """Serves folder/simple; what is not there has never been published."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def _text(distribution: metadata.Distribution, name: str) -> str:
    text = distribution.read_text(name)
    assert text is not None
    return text
