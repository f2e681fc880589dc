"""Run the whole isolation contract as whoever starts this, without pytest: `python unprivileged.py FOLDER`.

Prints one line for each case that failed, then how many were run.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from dock_sandbox import ProcessSandbox, SandboxSpec
from dock_sandbox.contract import SMALL, IsolationContract


class Isolation(IsolationContract):
    def __init__(self, folder):
        self.folder = folder

    def start(self, source, *, limits=SMALL, kwargs=None, files=None):
        package = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in {"__init__.py": source, **(files or {})}.items():
            (package / name).write_text(text)
        dirs = [Path(sys.prefix), Path(sys.base_prefix)]
        spec = SandboxSpec(package, Path(sys.executable), dirs, "__init__.py", "Model", kwargs or {}, limits)
        return ProcessSandbox().start(spec)


def main():
    folder = Path(sys.argv[1])
    cases = Isolation(folder)
    names = [name for name in dir(cases) if name.startswith("test_")]
    for name in names:
        try:
            getattr(cases, name)(*([folder] if name == "test_the_hosts_files_and_variables_are_not_there" else []))
        except Exception:  # noqa: BLE001 - all cases are run
            print("FAILED", name, traceback.format_exc())
    print("cases", len(names))


if __name__ == "__main__":
    main()
