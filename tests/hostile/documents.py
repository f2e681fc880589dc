"""learnware.yaml and the semantic specification: text that grows, acts, contradicts itself or is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.hostile.corpus import Case
from tests.hostile.zips import assemble, ordinary, stored
from tests.packages.models import package_files, table_semantic

BOMB = "\n".join(
    ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)), "name: *a11"]
)

YAMLS = {
    "billion-laughs": (BOMB, "YAML_ALIAS"),
    "anchor": ("name: &x small", "YAML_ALIAS"),
    "alias-of-nothing": ("name: *x", "YAML_ALIAS"),
    "merge-key": ("a: {b: 1}\n<<: {c: 2}", "YAML_INVALID"),
    "tag-system": ("name: !!python/object/apply:os.system ['touch /tmp/evil']", "YAML_TAG"),
    "tag-name": ("name: !!python/name:os.system", "YAML_TAG"),
    "tag-module": ("name: !!python/module:os", "YAML_TAG"),
    "tag-new": ("name: !!python/object/new:os.system [id]", "YAML_TAG"),
    "tag-of-their-own": ("name: !evil x", "YAML_TAG"),
    "tag-tuple-on-a-text": ("name: !!python/tuple abc", "YAML_TAG"),
    "tag-binary": ("name: !!binary aGVsbG8=", "YAML_TAG"),
    "tag-by-directive": ("%TAG ! tag:yaml.org,2002:python/\n---\nname: !name:os.system x", "YAML_TAG"),
    "key-twice": ("name: a\nname: b", "YAML_INVALID"),
    "model-twice": ("model: {}\nmodel: {class_name: X}", "YAML_INVALID"),
    "key-no-text": ("1: a", "YAML_INVALID"),
    "key-a-list": ("? [a]\n: b", "YAML_INVALID"),
    "two-documents": ("name: a\n---\nname: b", "YAML_INVALID"),
    "deep-lists": ("name: " + "[" * 40 + "]" * 40, "YAML_INVALID"),
    "very-deep-lists": ("[" * 30_000, "YAML_INVALID"),
    "very-many-values": ("name: [" + "1," * 2_500 + "1]", "YAML_INVALID"),
    "number-not-a-number": ("model: {kwargs: {a: .nan}}", "YAML_INVALID"),
    "number-infinite": ("model: {kwargs: {a: .inf}}", "YAML_INVALID"),
    "number-beyond-doubles": ("model: {kwargs: {a: 1.0e+999}}", "YAML_INVALID"),
    "number-of-400-digits": ("model: {kwargs: {a: " + "9" * 400 + "}}", "YAML_INVALID"),
    "number-base-60": ("model: {kwargs: {a: " + "59:" * 3_000 + "59}}", "YAML_INVALID"),
    "no-mapping": ("just a text", "YAML_INVALID"),
    "a-list": ("- a", "YAML_INVALID"),
    "unbalanced": ("{a: [", "YAML_INVALID"),
    "control-character": ("name: a\x07b", "YAML_INVALID"),
    "name-with-a-line-end": ('name: "a\\nb"', "YAML_INVALID"),
    "name-a-mapping": ("name: {a: b}", "YAML_INVALID"),
    "name-too-long": ("name: " + "n" * 300, "YAML_INVALID"),
}

MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "module-outside": ({"module_path": "../evil.py"}, "YAML_INVALID"),
    "module-absolute": ({"module_path": "/etc/evil.py"}, "YAML_INVALID"),
    "module-a-command": ({"module_path": "os; import evil"}, "YAML_INVALID"),
    "module-not-there": ({"module_path": "absent.py"}, "MODULE_MISSING"),
    "class-an-expression": ({"class_name": "__import__('os').system"}, "YAML_INVALID"),
    "class-a-flag": ({"class_name": "--help"}, "YAML_INVALID"),
    "class-dotted": ({"class_name": "os.system"}, "YAML_INVALID"),
    "kwargs-no-mapping": ({"kwargs": ["a"]}, "YAML_INVALID"),
    "weights-outside": ({"weights_file_path": "../../weights"}, "YAML_INVALID"),
    "weights-a-drive": ({"weights_file_path": "C:/weights"}, "YAML_INVALID"),
    "required-no-ids": ({"required_learnware_ids": ["a b; rm -rf /"]}, "YAML_INVALID"),
    "required-a-text": ({"required_learnware_ids": "00000084"}, "YAML_INVALID"),
}

SPECIFICATION_ENTRIES: dict[str, tuple[Any, str]] = {
    "callable": (
        {"module_path": "os", "class_name": "system", "kwargs": {"command": "id"}},
        "SPECIFICATION_CLASS_UNKNOWN",
    ),
    "stdlib-class": ({"module_path": "subprocess", "class_name": "Popen"}, "SPECIFICATION_CLASS_UNKNOWN"),
    "own-module": ({"module_path": "__init__", "class_name": "Model"}, "SPECIFICATION_CLASS_UNKNOWN"),
    "right-class-wrong-module": ({"module_path": "evil.learnware.specification"}, "SPECIFICATION_CLASS_UNKNOWN"),
    "module-with-a-command": ({"module_path": "learnware;import os"}, "SPECIFICATION_CLASS_UNKNOWN"),
    "file-outside": ({"file_name": "../../../etc/passwd"}, "YAML_INVALID"),
    "file-absolute": ({"file_name": "/etc/passwd"}, "YAML_INVALID"),
    "file-a-device": ({"file_name": "/dev/zero"}, "YAML_INVALID"),
    "file-not-there": ({"file_name": "absent.json"}, "SPECIFICATION_MISSING"),
    "none": (None, "SPECIFICATION_MISSING"),
    "a-text": ("stat.json", "YAML_INVALID"),
}

SEMANTICS: dict[str, tuple[Any, str]] = {
    "no-json": ("{", "SEMANTIC_INVALID"),
    "a-list": ([], "SEMANTIC_INVALID"),
    "a-number": ("7", "SEMANTIC_INVALID"),
    "key-twice": ('{"Data": {}, "Data": {}}', "SEMANTIC_INVALID"),
    "not-a-number": ('{"Input": {"Dimension": NaN}}', "SEMANTIC_INVALID"),
    "deep": ("[" * 100_000, "SEMANTIC_INVALID"),
    "deep-objects": ('{"a":' * 5_000 + "1" + "}" * 5_000, "SEMANTIC_INVALID"),
    "very-long": (" " * (3 << 20), "SEMANTIC_INVALID"),
    "integer-of-400-digits": (table_semantic() | {"Input": {"Dimension": int("9" * 400)}}, "SEMANTIC_INVALID"),
    "dimension-a-text": (table_semantic() | {"Input": {"Dimension": "2; drop table"}}, "SEMANTIC_INVALID"),
    "dimension-negative": (table_semantic() | {"Input": {"Dimension": -1}}, "SEMANTIC_INVALID"),
    "dimension-true": (table_semantic() | {"Input": {"Dimension": True}}, "SEMANTIC_INVALID"),
    "one-class": (table_semantic() | {"Output": {"Dimension": 1}}, "SEMANTIC_INVALID"),
    "data-unknown": (table_semantic() | {"Data": {"Type": "Class", "Values": ["<script>"]}}, "SEMANTIC_INVALID"),
    "name-missing": (table_semantic() | {"Name": {"Type": "String", "Values": "\u202e\x00"}}, "SEMANTIC_INVALID"),
    "name-too-long": (table_semantic() | {"Name": {"Type": "String", "Values": "n" * 5_000}}, "SEMANTIC_INVALID"),
    "description-too-long": (
        table_semantic() | {"Description": {"Type": "String", "Values": "d" * 50_000}},
        "SEMANTIC_INVALID",
    ),
    "column-that-is-not-there": (
        table_semantic() | {"Input": {"Dimension": 2, "Description": {"99": "x"}}},
        "SEMANTIC_INVALID",
    ),
    "another-width": (table_semantic(5), "SPECIFICATION_WIDTH"),
    "text-with-a-table's-specification": (
        table_semantic() | {"Data": {"Type": "Class", "Values": ["Text"]}},
        "SPECIFICATION_DATA_TYPE",
    ),
    "absent": (False, "SEMANTIC_MISSING"),
}


def cases() -> Iterator[Case]:
    """Give the cases."""
    for name, (text, reason) in YAMLS.items():
        yield Case(f"yaml-{name}", reason, lambda text=text: with_yaml(text.encode()))
    yield Case("yaml-not-utf-8", "TEXT_ENCODING", lambda: with_yaml(b"name: \xff\xfe\xfd"))
    yield Case("yaml-half-utf-16", "TEXT_ENCODING", lambda: with_yaml(b"\xff\xfen\0a\0m"))
    for name, (changes, reason) in MODELS.items():
        yield Case(f"model-{name}", reason, lambda changes=changes: with_manifest(model=changes))
    for name, (entry, reason) in SPECIFICATION_ENTRIES.items():
        yield Case(f"stat-{name}", reason, lambda entry=entry: with_manifest(specification=entry))
    for name, (semantic, reason) in SEMANTICS.items():
        yield Case(f"semantic-{name}", reason, lambda semantic=semantic: with_semantic(semantic))


def with_yaml(text: bytes) -> bytes:
    """Give a package with that learnware.yaml."""
    return ordinary(package_files() | {"learnware.yaml": text})


def with_manifest(*, model: dict[str, Any] | None = None, specification: Any = ()) -> bytes:
    """Give a package whose learnware.yaml says something else of its model or its specification."""
    files = package_files()
    manifest = yaml.safe_load(files["learnware.yaml"])
    manifest["model"].update(model or {})
    if isinstance(specification, dict):
        manifest["stat_specifications"][0].update(specification)
    elif specification != ():
        manifest["stat_specifications"] = specification
    return ordinary(files | {"learnware.yaml": yaml.safe_dump(manifest)})


def with_semantic(semantic: Any) -> bytes:
    """Give a package with that semantic specification: a text, a value, or False for none."""
    if isinstance(semantic, list):
        semantic = json.dumps(semantic)
    return assemble([stored(name, data) for name, data in package_files(semantic=semantic).items()])
