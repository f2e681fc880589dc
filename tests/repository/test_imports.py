"""Who imports whom, and how heavy the client is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.tree import ROOT

HEAVY = (
    "torch", "numpy", "scipy", "sklearn", "sqlalchemy", "pandas", "matplotlib", "pyarrow", "PIL",
    "grpc", "google", "rich", "click", "pydantic", "yaml", "packaging",
)  # fmt: skip
LIGHT_MB = 80

MEASURE = """
import json, re, sys
{statement}
# Not getrusage: its peak is that of the process that started this one, too.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1)) / 1024
print(json.dumps([peak, sorted({{name.split(".")[0] for name in sys.modules}})]))
"""


def measure(statement: str) -> tuple[float, list[str]]:
    code = MEASURE.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, modules = json.loads(done.stdout)
    return peak, modules


def test_import_contracts_hold():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(command), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_engine_imports_little():
    peak, modules = measure("import learndock")
    assert not set(HEAVY) & set(modules)
    assert peak < LIGHT_MB


@pytest.mark.parametrize("noun", ["package", "semantic", "specification", "search", "reuse", "plot", "plugins"])
def test_a_noun_of_the_engine_imports_no_server(noun):
    peak, modules = measure(f"import learndock.{noun}")
    late = {"scipy", "sklearn", "matplotlib"}
    assert not {"torch", "sqlalchemy", "grpc", "pydantic", "dock_rpc", "dockapi", *late} & set(modules)
    assert peak < LIGHT_MB


def test_the_client_knows_no_database():
    peak, modules = measure("import learndock.client")
    assert peak < LIGHT_MB
    assert not {"torch", "sqlalchemy", "scipy", "sklearn", "dock_db", "dock_blob", "dock_bus"} & set(modules)
