"""What the client costs: time and memory of imports, the wheel, the packages that come with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from table import Cell, Table

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tools/bench/footprint.py"
IMPORTS = ("sys", "numpy", "learndock", "learndock.search", "learndock.plot", "learndock.client", "scipy.optimize")
GOALS = {"learndock": "< 300 ms, < 80 MB"}

# The clock starts inside: an interpreter's own start is no cost of ours. VmHWM is this process's peak, in kB.
CHILD = """
import time
start = time.perf_counter(), time.process_time()
import {name}
end = time.perf_counter(), time.process_time()
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(end[0] - start[0], end[1] - start[1], peak)
"""


def tables(quick: bool) -> list[Table]:
    """Imports, and what is installed."""
    return [_imports(3 if quick else 15), _installed()]


def _imports(rounds: int) -> Table:
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        # Turn by turn, so that a busy moment falls on all of them.
        for name in IMPORTS:
            found[name].append(_measure(name))
    middle = {name: [median(column) for column in zip(*runs, strict=True)] for name, runs in found.items()}
    rows: list[list[Cell]] = [
        [f"import {name}", wall * 1e3, cpu * 1e3, cpu / middle["numpy"][1], peak / 1024, GOALS.get(name, "")]
        for name, (wall, cpu, peak) in middle.items()
        if name != "sys"
    ]
    nothing = middle["sys"][2] / 1024
    return Table(
        "footprint.imports",
        "Imports",
        ("statement", "ms", "ms of processor", "times numpy", "peak MB", "goal"),
        rows,
        COMMAND,
        (f"Medians of {rounds} fresh interpreters, files in the page cache; an empty one takes {nothing:.1f} MB.",),
    )


def _measure(name: str) -> tuple[float, ...]:
    command = [sys.executable, "-c", CHILD.format(name=name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def _installed() -> Table:
    """A fresh environment with the wheel alone, as `pip install learndock` makes it."""
    rows: list[list[Cell]] = []
    with tempfile.TemporaryDirectory(prefix="learndock-footprint-") as folder:
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        rows.append(["size of the wheel, kB", wheel.stat().st_size / 1e3, "<= 1,000"])
        venv, notes = Path(folder) / "venv", []
        try:
            _install(venv, wheel)
        except (OSError, subprocess.CalledProcessError):
            notes = ["Packages are left out: nothing could be installed here."]
        else:
            sizes = _sizes(venv)
            others = [name for name in sizes if name not in ("numpy", "scipy", "learndock")]
            rows.append(["packages beside numpy and scipy", len(others), "<= 10"])
            rows.append(["on disk, MB", sum(sizes.values()), ""])
            rows.append(["of it numpy and scipy, MB", sizes["numpy"] + sizes["scipy"], ""])
    return Table("footprint.installed", "The client, installed", ("what", "measured", "goal"), rows, COMMAND, (*notes,))


def _install(venv: Path, wheel: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True, capture_output=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
    constraints = ["--constraints", str(ROOT / "requirements.lock")]
    subprocess.run([*install, *constraints, str(wheel)], check=True, capture_output=True)


def _sizes(venv: Path) -> dict[str, float]:
    """MB of each distribution's files, as its own record lists them."""
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions():\n"
        "    paths = [p.locate() for p in d.files or []]\n"
        "    print(d.metadata['Name'], sum(p.stat().st_size for p in paths if p.is_file()) / 1e6)\n"
    )
    done = subprocess.run([venv / "bin" / "python", "-c", code], check=True, capture_output=True, text=True)
    return {name: float(size) for name, size in map(str.split, done.stdout.splitlines())}


if __name__ == "__main__":
    for table in tables(quick="--quick" in sys.argv):
        print(table.to_markdown())
