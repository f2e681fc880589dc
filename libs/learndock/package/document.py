"""Text files of a package: their encoding, and YAML with nothing in it that could grow or act."""

from __future__ import annotations

import codecs
import math
from typing import Any, NoReturn

import yaml

from learndock.errors import InvalidInput
from learndock.package.limits import PackageLimits
from learndock.package.refusal import refuse, refuse_limit, shown

TUPLE_TAG = "tag:yaml.org,2002:python/tuple"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNWANTED = frozenset({"tag:yaml.org,2002:" + kind for kind in ("timestamp", "merge", "value")})
_LARGEST = 1 << 63


def decode_text(data: bytes, name: str) -> str:
    """Give a file's text by its byte order mark, UTF-8 without one; InvalidInput TEXT_ENCODING."""
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError:
        refuse(
            "TEXT_ENCODING",
            f"{shown(name)} is neither UTF-8 nor UTF-16.",
            hint="Save it as UTF-8 (most editors offer it under 'save with encoding').",
        )


def load_yaml(data: bytes, name: str, limits: PackageLimits) -> Any:
    """Give what a YAML file says; sequences tagged as Python tuples come as tuples.

    InvalidInput YAML_INVALID, YAML_ALIAS (anchors and aliases), YAML_TAG (any other tag), TEXT_ENCODING.
    """
    text = decode_text(data, name)
    try:
        _check_events(text, name, limits)
        # A subclass of SafeLoader: it makes plain values and nothing else.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except InvalidInput:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        refuse("YAML_INVALID", f"{shown(name)} is no valid YAML{_place(error)}: {_first_line(error)}.")


def dump_yaml(value: Any) -> bytes:
    """Give YAML text, the same for the same value; tuples keep their tag."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=110)
    return bytes(text, "utf-8")


class _Loader(yaml.SafeLoader):
    """Plain values only: no dates, no merges, no repeated keys, keys that are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in pairs if tag not in _UNWANTED]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                _fault(f"the key {shown(key)} is not a text; put it in quotes", key_node)
            if key in found or key == "<<":
                _fault(f"the key {shown(key)} is there twice or merges another", key_node)
            found[key] = self.construct_object(value_node, deep=True)
        return found

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        integer = node.tag.endswith(":int")
        value = self.construct_yaml_int(node) if integer else self.construct_yaml_float(node)
        if not math.isfinite(value) or abs(value) >= (_LARGEST if integer else math.inf):
            _fault(f"{shown(node.value, 40)} is no finite number of 64 bits", node)
        return value

    def construct_tuple(self, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(self.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor(TUPLE_TAG, _Loader.construct_tuple)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_sequence(TUPLE_TAG, value))


def _encoding(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    # ASCII text in UTF-16 without a mark: every other byte is 0.
    if len(data) >= 2 and len(data) % 2 == 0 and b"\0" in data[:2]:
        return "utf-16-le" if data[1] == 0 else "utf-16-be"
    return "utf-8"


def _check_events(text: str, name: str, limits: PackageLimits) -> None:
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        documents += isinstance(event, yaml.DocumentStartEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > limits.yaml_depth:
            message = f"{shown(name)} is nested deeper than {limits.yaml_depth} levels."
            refuse_limit("YAML_INVALID", message, limits, "yaml_depth", hint="Nest it less.")
        if nodes > limits.yaml_nodes:
            message = f"{shown(name)} holds more than {limits.yaml_nodes} values."
            refuse_limit("YAML_INVALID", message, limits, "yaml_nodes", hint="Write less into it.")
        if documents > 1:
            refuse("YAML_INVALID", f"{shown(name)} holds more than one document.")
        _check_marks(event, name)


def _check_marks(event: yaml.Event, name: str) -> None:
    line = event.start_mark.line + 1 if event.start_mark else 0
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        refuse(
            "YAML_ALIAS",
            f"{shown(name)} line {line} uses an anchor or alias (& or *), which are not read.",
            hint="Write the value out where it is wanted.",
            line=line,
        )
    tag = getattr(event, "tag", None)
    if tag is None or (tag == TUPLE_TAG and isinstance(event, yaml.SequenceStartEvent)):
        return
    refuse(
        "YAML_TAG",
        f"{shown(name)} line {line} uses the tag {shown(tag)}; only !!python/tuple is read.",
        hint="Use plain values: text, numbers, lists and mappings.",
        line=line,
    )


def _fault(what: str, node: yaml.Node) -> NoReturn:
    raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _first_line(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    return str(problem).splitlines()[0][:160].rstrip(".")


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
