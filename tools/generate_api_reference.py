"""Write docs/reference/api.md from the protos and their comments; `--check` fails where it is stale."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from tools.reference import write_or_check

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PAGE = ROOT / "docs" / "reference" / "api.md"

HEAD = """\
# API

<!-- Written by tools/generate_api_reference.py: `make generate`. -->

Every service speaks gRPC, answers health checks and reflection, and reports errors as a status with
`google.rpc.ErrorInfo`: [the reasons](errors.md) are part of this interface. The Python stubs are in `dockapi`
(`from dockapi.search.v1 import search_pb2`), and [learndock.client](../guide/python.md) is a client made of them.
"""

Comments = Mapping[tuple[int, ...], str]

# Numbers of fields in descriptor.proto, of which the paths to comments are made.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _METHOD, _VALUE = 2, 3, 2, 2


def page() -> str:
    """The whole page, one section a proto."""
    return HEAD + "".join(_section(file) for file in _files())


def _files() -> list[FileDescriptorProto]:
    """Our protos with their comments, services first."""
    from grpc_tools import protoc  # noqa: PLC0415 - only this tool needs it

    names = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        flags = [f"-I{PROTOS}", f"-I{include}", "--include_source_info", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *flags, *names]) != 0:
            sys.exit("protoc failed: see the message above")
        files = FileDescriptorSet.FromString(out.read_bytes()).file
    return sorted(files, key=lambda file: (not file.service, file.package))


def _section(file: FileDescriptorProto) -> str:
    comments = {tuple(each.path): _text(each.leading_comments) for each in file.source_code_info.location}
    lines = [f"\n## {file.package}\n"]
    for number, service in enumerate(file.service):
        lines += _service(service, (_SERVICE, number), comments)
    for number, message in enumerate(file.message_type):
        lines += _message(message, (_MESSAGE, number), comments)
    for number, enum in enumerate(file.enum_type):
        lines += _enum(enum, (_ENUM, number), comments)
    return "\n".join(lines)


def _text(comment: str) -> str:
    return " ".join(comment.split()).replace("|", "\\|")


def _service(service: ServiceDescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"### {service.name}\n"
    yield f"{comments.get(path, '')}\n"
    yield "| call | takes | answers | |\n| --- | --- | --- | --- |"
    for number, method in enumerate(service.method):
        yield _method(method, comments.get((*path, _METHOD, number), ""))
    yield ""


def _method(method: MethodDescriptorProto, comment: str) -> str:
    takes = ("stream of " if method.client_streaming else "") + f"`{_short(method.input_type)}`"
    answers = ("stream of " if method.server_streaming else "") + f"`{_short(method.output_type)}`"
    return f"| `{method.name}` | {takes} | {answers} | {comment} |"


def _message(message: DescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    if message.options.map_entry:
        return
    yield f"#### {message.name}\n"
    if comments.get(path):
        yield f"{comments[path]}\n"
    if message.field:
        yield "| field | type | |\n| --- | --- | --- |"
    for number, field in enumerate(message.field):
        name = f"{message.oneof_decl[field.oneof_index].name}: " if _in_oneof(field) else ""
        yield f"| {name}`{field.name}` | {_type(field, message)} | {comments.get((*path, _FIELD, number), '')} |"
    yield "" if message.field else "No fields.\n"
    for number, nested in enumerate(message.nested_type):
        yield from _message(nested, (*path, _NESTED, number), comments)


def _in_oneof(field: FieldDescriptorProto) -> bool:
    return field.HasField("oneof_index") and not field.proto3_optional


def _enum(enum: EnumDescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"#### {enum.name}\n"
    yield f"{comments.get(path, '')}\n\n| value | number | |\n| --- | --- | --- |".lstrip()
    for number, value in enumerate(enum.value):
        yield f"| `{value.name}` | {value.number} | {comments.get((*path, _VALUE, number), '')} |"
    yield ""


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    entry = next((each for each in message.nested_type if _short(field.type_name) == each.name), None)
    if entry is not None and entry.options.map_entry:
        return f"map of {_scalar(entry.field[0])} to {_scalar(entry.field[1])}"
    repeated = "repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else ""
    return repeated + _scalar(field)


def _scalar(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return f"`{_short(field.type_name)}`"
    return str(FieldDescriptorProto.Type.Name(field.type)).removeprefix("TYPE_").lower()


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


if __name__ == "__main__":
    write_or_check(PAGE, lambda: page().rstrip() + "\n", __doc__)
