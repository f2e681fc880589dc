"""`learnware.yaml`: what it says, checked against a closed list of names and the files that are there."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from learndock.package.names import inside
from learndock.package.parts import ModelEntry, SpecificationEntry
from learndock.package.refusal import refuse, shown

SPECIFICATION_CLASSES: Mapping[str, str] = {
    "RKMETableSpecification": "RKMETableSpecification",
    "RKMEStatSpecification": "RKMETableSpecification",
    "RKMEImageSpecification": "RKMEImageSpecification",
    "RKMEImageStatSpecification": "RKMEImageSpecification",
    "RKMETextSpecification": "RKMETextSpecification",
    "RKMETextStatSpecification": "RKMETextSpecification",
    "HeteroMapTableSpecification": "HeteroMapTableSpecification",
    "GenerativeModelSpecification": "GenerativeModelSpecification",
    "LLMGeneralCapabilitySpecification": "LLMGeneralCapabilitySpecification",
}
"""Every class name that a package may state, and the class it means. None of them is ever imported."""

SEMANTIC_FILE = "semantic_specification.json"
_LEARNWARE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SPECIFICATION_MODULE = re.compile(r"learnware(\.\w+)*")


@dataclass(frozen=True)
class Manifest:
    """The parts of a `learnware.yaml`; `document` is all of it, for writing it again."""

    name: str
    model: ModelEntry
    specifications: tuple[SpecificationEntry, ...]
    semantic_file: str
    """Named or found; "" without one. A named one need not be there: uploaders may send it apart."""
    document: Mapping[str, Any]


def read_manifest(document: Any, files: Collection[str], more_types: Collection[str] = ()) -> Manifest:
    """Read a loaded `learnware.yaml`; `more_types` are specification types besides those of the format.

    InvalidInput YAML_INVALID (with `field`), MODULE_MISSING, SPECIFICATION_MISSING,
    SPECIFICATION_CLASS_UNKNOWN.
    """
    document = _mapping(document, "document")
    return Manifest(
        name=_text(document, "name", ""),
        model=_model(_mapping(document.get("model"), "model"), files),
        specifications=_specifications(document.get("stat_specifications"), files, more_types),
        semantic_file=_semantic_file(document.get("semantic_specification"), files),
        document=document,
    )


def _invalid(field: str, message: str) -> NoReturn:
    refuse("YAML_INVALID", f"learnware.yaml, {field}: {message}.", field=field)


def _mapping(value: Any, field: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _invalid(field, "a mapping (key: value) is wanted")
    return value


def _text(mapping: Mapping[str, Any], key: str, default: str, *, prefix: str = "") -> str:
    value = mapping.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        if prefix or isinstance(value, dict | list | tuple):
            _invalid(prefix + key, "a text is wanted")
        value = str(value)
    if len(value) > 240 or not value.isprintable():
        _invalid(prefix + key, "a printable text of at most 240 characters is wanted")
    return value


def _path(mapping: Mapping[str, Any], key: str, default: str, prefix: str) -> str:
    stated = _text(mapping, key, default, prefix=prefix)
    path = inside(stated)
    if not stated or path is None:
        _invalid(prefix + key, f"{shown(stated)} is no path inside the package")
    return path


def _model(entry: Mapping[str, Any], files: Collection[str]) -> ModelEntry:
    class_name = _text(entry, "class_name", "Model", prefix="model.")
    if not class_name.isidentifier():
        _invalid("model.class_name", f"{shown(class_name)} is no name of a class")
    return ModelEntry(
        class_name=class_name,
        module_path=_module_path(entry, files),
        kwargs=_plain(_mapping(entry.get("kwargs"), "model.kwargs")),
        weights_file_path=_path(entry, "weights_file_path", "weights", "model."),
        required_learnware_ids=_required_ids(entry.get("required_learnware_ids")),
    )


def _module_path(entry: Mapping[str, Any], files: Collection[str]) -> str:
    stated = _text(entry, "module_path", "__init__.py", prefix="model.")
    if not stated.endswith(".py"):
        if not all(part.isidentifier() for part in stated.split(".")):
            _invalid("model.module_path", f"{shown(stated)} is neither a .py file nor the name of a module")
        return stated
    path = _path(entry, "module_path", "__init__.py", "model.")
    if path not in files:
        sources = sorted(name for name in files if name.endswith(".py"))[:5]
        refuse(
            "MODULE_MISSING",
            f"learnware.yaml names {shown(path)} as the model's module, and the package has no such file.",
            hint=f"It has: {', '.join(sources)}." if sources else "Add it to the folder and pack again.",
            module_path=path,
        )
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _required_ids(value: Any) -> tuple[str, ...]:
    ids = value or []
    if not isinstance(ids, list | tuple) or not all(isinstance(item, str) for item in ids):
        _invalid("model.required_learnware_ids", 'a list of texts is wanted, each in quotes ("00000084")')
    for item in ids:
        if not _LEARNWARE_ID.fullmatch(item):
            _invalid("model.required_learnware_ids", f"{shown(item)} is no learnware id")
    return tuple(ids)


def _specifications(value: Any, files: Collection[str], more: Collection[str]) -> tuple[SpecificationEntry, ...]:
    if value is not None and not isinstance(value, list | tuple):
        _invalid("stat_specifications", "a list is wanted")
    if not value:
        refuse(
            "SPECIFICATION_MISSING",
            "learnware.yaml lists no statistical specification (stat_specifications).",
            hint="Make one with `dock spec`, put its file into the package and list it.",
        )
    return tuple(_specification(_mapping(entry, "stat_specifications"), files, more) for entry in value)


def _specification(entry: Mapping[str, Any], files: Collection[str], more: Collection[str]) -> SpecificationEntry:
    stated = _text(entry, "class_name", "RKMETableSpecification", prefix="stat_specifications.")
    module = _text(entry, "module_path", "learnware.specification", prefix="stat_specifications.")
    ours = stated in SPECIFICATION_CLASSES
    if not (_SPECIFICATION_MODULE.fullmatch(module) if ours else stated in more):
        refuse(
            "SPECIFICATION_CLASS_UNKNOWN",
            f"{shown(module)}, {shown(stated)} is no specification that this dock knows.",
            hint=f"Known, of learnware.specification: {', '.join(sorted({*SPECIFICATION_CLASSES, *more}))}.",
            class_name=shown(stated),
        )
    name = _path(entry, "file_name", "stat_spec.json", "stat_specifications.")
    if name not in files:
        refuse(
            "SPECIFICATION_MISSING",
            f"learnware.yaml lists the specification {shown(name)}, and the package has no such file.",
            hint="Make it with `dock spec` and put it into the package.",
            file_name=name,
        )
    return SpecificationEntry(SPECIFICATION_CLASSES.get(stated, stated), name)


def _semantic_file(value: Any, files: Collection[str]) -> str:
    entry = _mapping(value, "semantic_specification")
    if entry.get("file_name") is None:
        return SEMANTIC_FILE if SEMANTIC_FILE in files else ""
    return _path(entry, "file_name", SEMANTIC_FILE, "semantic_specification.")
