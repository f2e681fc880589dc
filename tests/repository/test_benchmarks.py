"""The page of benchmarks shows what the benchmarks measure; nothing is timed here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.repository.tree import ROOT

BENCH = ROOT / "tools" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"


def run(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def page():
    sys.path.insert(0, str(BENCH))
    try:
        import page
    finally:
        sys.path.remove(str(BENCH))
    return page


def test_every_table_is_in_the_page(page):
    declared = {name: page.declared_keys(path) for name, path in page.modules(BENCH).items()}
    shown = page.page_keys(PAGE.read_text(encoding="utf-8"))
    assert {name: sorted(keys) for name, keys in shown.items()} == {
        name: sorted(keys) for name, keys in declared.items()
    }, "make bench BENCH_ARGS=--write-docs, or with --only NAME for one of them"


def test_keys_are_said_once(page):
    keys = [key for path in page.modules(BENCH).values() for key in page.declared_keys(path)]
    assert len(keys) == len(set(keys))


def test_new_results_replace_only_their_own_section(page):
    text = f"# Page\n\n{page.BEGIN}\n\n{page.END}\n\nEnd.\n"
    first = page.section("First", "Two cores.", [("a", "### A\n\nold\n"), ("b", "### B\n")])
    text = page.merge(text, {"one": first, "two": page.section("Second", "", [("c", "### C\n")])}, ["one", "two"])
    assert page.page_keys(text) == {"one": ["a", "b"], "two": ["c"]}
    again = page.merge(text, {"one": page.section("First", "", [("a", "### A\n\nnew\n")])}, ["two", "one"])
    assert page.page_keys(again) == {"two": ["c"], "one": ["a"]}
    assert ("new" in again, "old" in again) == (True, False)
    assert again.startswith("# Page\n")
    assert again.endswith("\n\nEnd.\n")
    assert page.page_keys(page.merge(again, {}, ["two"])) == {"two": ["c"]}


def test_a_module_beside_a_benchmark_counts_with_it(page, tmp_path):
    (tmp_path / "one.py").write_text("from more import table\nfrom two import x\n\ndef tables(quick):\n    pass\n")
    (tmp_path / "more.py").write_text("def table():\n    return Table('a', 'T', (), (), '')\n")
    (tmp_path / "two.py").write_text("x = 1\n\ndef tables(quick):\n    return [Table(key='b')]\n")
    found = page.modules(tmp_path)
    assert {name: page.declared_keys(path) for name, path in found.items()} == {"one": ["a"], "two": ["b"]}


def test_a_key_that_is_not_literal_is_refused(page, tmp_path):
    path = tmp_path / "made.py"
    path.write_text("def tables(quick):\n    return [Table(f'{quick}', 'T', (), (), '')]\n")
    assert page.modules(tmp_path) == {"made": path}
    with pytest.raises(ValueError, match="line 2"):
        page.declared_keys(path)


def test_the_command_lists_and_refuses():
    listed = run("tools/bench/main.py", "--list")
    assert listed.returncode == 0, listed.stderr
    unknown = run("tools/bench/main.py", "--only", "nothing-of-this-name")
    assert unknown.returncode == 2
    assert "nothing-of-this-name" in unknown.stdout
    assert run("tools/bench/main.py", "--quick", "--write-docs").returncode == 2


def test_a_quick_result_is_not_published(tmp_path):
    before = PAGE.read_bytes()
    stored = tmp_path / "scan.json"
    stored.write_text('{"module": "scan", "quick": true, "tables": []}')
    done = run("tools/bench/main.py", "--stored", str(stored))
    assert (done.returncode, PAGE.read_bytes()) == (2, before)


def test_where_the_peer_was_left_out_the_page_keeps_its_tables(tmp_path):
    before = PAGE.read_bytes()
    table = {"key": "peer.versions", "title": "T", "columns": [], "rows": [], "command": "", "notes": []}
    stored = tmp_path / "peer.json"
    stored.write_text(json.dumps({"module": "peer", "quick": False, "circumstances": {}, "tables": [table]}))
    done = run("tools/bench/main.py", "--stored", str(stored))
    assert (done.returncode, PAGE.read_bytes()) == (0, before), done.stderr
    assert "peer: some of its tables were left out" in done.stdout
