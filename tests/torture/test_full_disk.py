"""The dock's disk fills up: uploads are turned away, nothing half-written counts, and with space all goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from learndock.client import Dock
from learndock.client.patience import Patience
from learndock.client.upload import Upload, make_parcel
from learndock.errors import Overloaded
from tests.e2e.learnwares import classifier_package

ROOMY = "size=1g"


def _may_mount() -> bool:
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", "mount -t tmpfs none /mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(words, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.sandbox,
    pytest.mark.skipif(not _may_mount(), reason="only root may mount a disk of its own, in a namespace of its own"),
]


@dataclass
class SmallDisk:
    """A folder on a file system of its own, in a mount namespace that `holder` keeps."""

    data: Path
    holder: subprocess.Popen[bytes]

    def inside(self, *words: str) -> list[str]:
        """The command line that runs `words` where the disk is."""
        return ["nsenter", "-t", str(self.holder.pid), "-m", "--", *words]

    def used_kib(self) -> int:
        """KiB on it."""
        said = subprocess.run(self.inside("df", "-k", str(self.data)), capture_output=True, text=True, check=True)
        return int(said.stdout.splitlines()[-1].split()[2])

    def resize(self, size: str) -> None:
        """Give it another size while it is used."""
        subprocess.run(self.inside("mount", "-o", f"remount,{size}", str(self.data)), check=True)

    def shrink(self, spare_kib: int) -> None:
        """Leave this much room."""
        self.resize(f"size={self.used_kib() + spare_kib}k")

    def read(self, name: str) -> str:
        """A file on it; "" where there is none."""
        path = Path(f"/proc/{self.holder.pid}/root") / self.data.relative_to("/") / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def disk(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    script = f"mount -t tmpfs -o {ROOMY} none {data} && echo ready && exec sleep 1000"
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"ready\n"
        yield SmallDisk(data, holder)
        holder.kill()


@pytest.fixture
def dock(disk, tmp_path):
    """`dock up` on the small disk."""
    words = disk.inside(sys.executable, "-m", "learndock.cli.main", "up", "--data", str(disk.data), "--port", "0")
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        end = time.monotonic() + 90
        while not disk.read("address"):
            assert process.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.1)
        yield process
        process.kill()


def push_once(client: Dock, package: Path) -> None:
    """A push that does not wait for space."""
    parcel = make_parcel(package, owner="tester", learnware_id="", semantic_json="")
    Upload(client._peers.ingestion, Patience(1))._try(parcel)


def test_a_full_disk_turns_uploads_away_until_there_is_space(disk, dock, tmp_path):
    client = Dock(disk.read("address").strip(), owner="tester", patience_s=30)
    first = client.push(classifier_package(tmp_path, 0))
    assert client.wait(first.learnware_id, timeout=200).state == "INDEXED"
    large = classifier_package(tmp_path, 1, ballast=20 << 20)

    disk.shrink(11 << 10)  # room for the database and for the first 8 MiB, not for the whole package
    with pytest.raises(Overloaded) as caught:
        push_once(client, large)
    assert caught.value.reason == "STORAGE_FULL"
    assert caught.value.retry_after_s
    disk.shrink(0)  # not even for the database
    with pytest.raises(Overloaded) as caught:
        push_once(client, classifier_package(tmp_path, 2))
    assert caught.value.reason == "STORAGE_FULL"
    assert [hit.record.learnware_id for hit in client.search(mixture="none").hits] == [first.learnware_id]
    assert [each.learnware_id for each in client.list()] == [first.learnware_id]
    assert client.pull(first.learnware_id, tmp_path / "pulled.zip").stat().st_size == first.size_bytes

    disk.resize(ROOMY)
    starts: list[int] = []
    second = client.push(large, on_progress=lambda sent, _total: starts.append(sent))
    assert client.wait(second.learnware_id, timeout=200).state == "INDEXED"
    assert starts[0] > 0  # what had found room was not sent again
    assert dock.poll() is None
    dock.terminate()
    assert dock.wait(60) == 0
    words = disk.inside(sys.executable, "-m", "learndock.cli.main", "fsck", "--json", "--data", str(disk.data))
    looked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (looked.returncode, json.loads(looked.stdout)["findings"]) == (0, []), looked.stderr
