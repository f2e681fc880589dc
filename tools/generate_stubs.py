"""Generate libs/dockapi from protos; `--check` fails where the committed stubs differ."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
STUBS = ROOT / "libs" / "dockapi"


def generate(into: Path) -> None:
    """Write stubs and type stubs of every proto below `into`/dockapi."""
    from grpc_tools import protoc  # noqa: PLC0415 - only this tool needs it

    files = sorted(str(path) for path in PROTOS.rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{PROTOS}", f"-I{include}", f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main([*arguments, f"--grpc_python_out={into}", *files]) != 0:
        raise SystemExit("protoc failed: see the message above")
    for folder in [into / "dockapi", *sorted(p for p in (into / "dockapi").rglob("*") if p.is_dir())]:
        (folder / "__init__.py").touch()
    (into / "dockapi" / "py.typed").touch()


def differences(left: Path, right: Path) -> list[str]:
    """Names of the files that are not the same in both trees."""
    names = {p.relative_to(left) for p in left.rglob("*.py*") if "__pycache__" not in p.parts}
    names |= {p.relative_to(right) for p in right.rglob("*.py*") if "__pycache__" not in p.parts}
    return [
        str(name)
        for name in sorted(names)
        if not ((left / name).is_file() and (right / name).is_file())
        or not filecmp.cmp(left / name, right / name, shallow=False)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on a difference")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "dockapi"
        if check:
            stale = differences(fresh, STUBS)
            if stale:
                sys.exit("stubs are stale, run `make generate`: " + ", ".join(stale))
            return
        shutil.rmtree(STUBS, ignore_errors=True)
        shutil.copytree(fresh, STUBS)


if __name__ == "__main__":
    main()
