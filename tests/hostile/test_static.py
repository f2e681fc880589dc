"""Every package of the static corpus is refused for its own reason, and nothing else comes of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dock_ingestion.admission import admit
from learndock.errors import DockError, InvalidInput
from learndock.package import PackageLimits
from tests.hostile.conftest import HERE, WatchedDock
from tests.hostile.corpus import Case, corpus
from tests.packages.models import build_package
from tests.repository.tree import ROOT

CASES = corpus()
PAGE = ROOT / "docs/security.md"
pytestmark = pytest.mark.security


def test_the_corpus_is_as_large_and_as_wide_as_it_says():
    reasons = Counter(case.reason for case in CASES)
    assert f"makes {len(CASES)} packages" in PAGE.read_text(encoding="utf-8")
    assert f"({len(reasons)} different ones)" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_has_its_own_reason(case: Case):
    with pytest.raises(InvalidInput) as caught:
        admit(io.BytesIO(case.make()), "", PackageLimits())
    assert caught.value.reason == case.reason
    assert caught.value.hint
    assert caught.value.message.isprintable()
    assert len(str(caught.value)) < 1_500


BOUNDED = """\
import resource, sys
from learndock.package import PackageLimits
from dock_ingestion.admission import admit
from learndock.errors import InvalidInput
base = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (base + (400 << 20), base + (400 << 20)))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            admit(file, "", PackageLimits())
    except InvalidInput as error:
        print(error.reason)
"""


def test_bombs_are_refused_in_little_memory_and_time(tmp_path):
    """In a process that may take 400 MiB and 20 s of a processor for all of them."""
    bombs = [case for case in CASES if case.name.startswith(("bomb-", "yaml-b", "specification-"))]
    paths = []
    for case in bombs:
        paths.append(tmp_path / f"{case.name}.zip")
        paths[-1].write_bytes(case.make())
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BOUNDED, *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.split() == [case.reason for case in bombs]


@pytest.mark.e2e
def test_a_dock_refuses_them_all_and_does_nothing_else(watched, tmp_path):
    client = watched.running.client("mallory")
    good = build_package(tmp_path / "good.zip")
    kept = client.wait(client.push(good).learnware_id, timeout=120)
    assert kept.state == "INDEXED", kept.reason_text
    before = files_of(watched.running.data)
    peak = watched.peak_mib()
    watched.watch()
    for case in CASES:
        path = tmp_path / "package.zip"
        path.write_bytes(case.make())
        with pytest.raises(DockError) as caught:
            client.push(path)
        assert caught.value.reason == expected(case), case.name
        assert [each.learnware_id for each in client.list(owner="mallory")] == [kept.learnware_id], case.name
    assert files_of(watched.running.data) == before
    assert watched.peak_mib() - peak < 300
    deeds = [deed for deed in watched.seen() if not harmless(deed, watched.running.data)]
    assert deeds == []
    assert not Path("/tmp/evil").exists()


def expected(case: Case) -> str:
    # The client measures a file before it sends it, and sends no empty ones.
    return "UPLOAD_EMPTY" if case.name == "no-zip-empty" else case.reason


def files_of(data: Path) -> set[str]:
    return {
        str(path.relative_to(data))
        for path in data.rglob("*")
        if path.is_file() and not path.name.startswith("dock.db") and path.suffix != ".log"
    }


def harmless(deed: tuple[str, list[str]], data: Path) -> bool:
    """What the dock's own code does: imports of installed modules, files in its own folder."""
    event, given = deed
    if event == "import":
        return "/tmp" not in given[1] and given[0] not in ("model", "evil", "__init__")
    if event == "open" or event.startswith(("os.", "shutil.")):
        return given[0].startswith(str(data)) or given[0].isdigit() or given[0] == "/dev/null"
    return False


def test_the_watcher_sees_what_it_is_there_for(tmp_path):
    log, arm = tmp_path / "seen", tmp_path / "armed"
    arm.touch()
    (tmp_path / "evil.py").write_text("import os, pathlib\npathlib.Path('mark').write_text('x')\nos.system('true')\n")
    environment = {**os.environ, "PYTHONPATH": f"{HERE / 'watcher'}:{tmp_path}"}
    environment |= {"DOCK_WATCH": str(log), "DOCK_WATCH_ARM": str(arm)}
    subprocess.run([sys.executable, "-c", "import evil"], env=environment, cwd=tmp_path, check=True)
    deeds = [deed for deed in WatchedDock(None, log, arm).seen() if not harmless(deed, tmp_path / "data")]
    assert {event for event, _ in deeds} >= {"import", "exec", "open", "os.system"}
