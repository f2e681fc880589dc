from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from dock_sandbox import ProcessSandbox, SandboxSpec, isolation_report
from dock_sandbox.contract import SMALL, IsolationContract, RunnerContract

MISSING = [finding for finding in isolation_report() if finding.needed and not finding.ok]


def spec_of(folder, source, *, limits=SMALL, kwargs=None, files=None):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"__init__.py": source, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    python = Path(sys.prefix) / "bin" / "python"
    dirs = [Path(sys.prefix), Path(sys.base_prefix)]
    return SandboxSpec(folder, python, dirs, "__init__.py", "Model", kwargs or {}, limits)


class _Process:
    unsafe_local = False

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path / "package"

    def start(self, source, **options):
        return ProcessSandbox(unsafe_local=self.unsafe_local).start(spec_of(self.folder, source, **options))


@pytest.mark.sandbox
class TestBubblewrapRuns(_Process, RunnerContract):
    pass


@pytest.mark.sandbox
class TestBubblewrapIsolates(_Process, IsolationContract):
    pass


class TestUnsafeLocalRuns(_Process, RunnerContract):
    unsafe_local = True

    def test_it_says_so(self):
        with self.start("class Model:\n    pass\n") as sandbox:
            assert sandbox.isolation == "unsafe-local"


@pytest.fixture
def crowded():
    """A process with more descriptors open than select(2) knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < 1024:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.sandbox
@pytest.mark.usefixtures("crowded")
class TestBubblewrapInACrowd(_Process):
    def test_it_starts_and_tells_what_was_printed(self):
        with self.start("class Model:\n    def __init__(self):\n        print('here')\n") as sandbox:
            sandbox.instantiate()
            assert "here" in sandbox.outcome().log
