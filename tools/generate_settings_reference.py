"""Write docs/reference/settings.md from the Settings classes of the services; `--check` fails where it is stale."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from tools.reference import write_or_check

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "settings.md"

HEAD = """\
# Settings

<!-- Written by tools/generate_settings_reference.py: `make generate`. -->

A dock is set up by environment variables. All of them have a default that works on a laptop, and an option of
`dock up` wins over the variable of the same name. `dock serve --target search --print-config` prints what is in force.

## Read by clients

| variable | default | meaning |
| --- | --- | --- |
| `DOCK_URL` | `127.0.0.1:50051` | Address of the dock that the command line and `learndock.client.Dock` talk to. |
| `DOCK_OWNER` | your token's, else your user name | Owner of what you push. |
| `DOCK_TOKEN_FILE` | (unset) | File with your token, read again when it changes. Unset, what `dock login` kept. |
| `DOCK_TOKEN` | (unset) | The token itself, where a file will not do. |
| `DOCK_TOKEN_IN_CLEAR` | (unset) | Set to `1`, the token goes to other machines without TLS too. |
| `DOCK_TLS_CA` | the public ones | Authority of the dock's certificate, PEM; set, TLS is spoken unless by http://. |
| `DOCK_TLS_CLIENT_CERT` | (unset) | Certificate to show where the dock wants one, PEM. |
| `DOCK_TLS_CLIENT_KEY` | (unset) | Its key, PEM. |
| `DOCK_DEBUG` | (unset) | Set to `1`, the command line shows the traceback of an error too. |
| `XDG_CACHE_HOME` | `~/.cache` | Where packages and environments of what you load are kept, in `learndock/`. |
| `UV_CACHE_DIR` | uv's own | Where uv keeps wheels; `make` keeps them in `.cache/uv` of the checkout. |
"""


def classes() -> list[type[BaseSettings]]:
    """Settings classes of all services and libraries, the whole process's first."""
    found: list[type[BaseSettings]] = []
    for path in sorted(path for above in ("libs", "services") for path in (ROOT / above).glob("dock_*/settings.py")):
        module = importlib.import_module(f"{path.parent.name}.settings")
        found += [value for value in vars(module).values() if _is_own(value, module.__name__)]
    return sorted(found, key=lambda each: (_prefix(each) != "DOCK_", _prefix(each)))


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(each) for each in classes())


def _is_own(value: object, module: str) -> bool:
    return isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module


def _prefix(settings: type[BaseSettings]) -> str:
    return str(settings.model_config.get("env_prefix", ""))


def _section(settings: type[BaseSettings]) -> str:
    title = _prefix(settings).removeprefix("DOCK_").strip("_").replace("_", " ")
    rows = [_row(_prefix(settings), name, field) for name, field in settings.model_fields.items()]
    summary = (settings.__doc__ or "").strip().splitlines()[0]
    table = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows]
    return f"\n## {title.capitalize() or 'The process'}\n\n{summary}\n\n" + "\n".join(table) + "\n"


def _row(prefix: str, name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    if not meaning:
        sys.exit(f"{prefix}{name.upper()} has no docstring: say below the attribute what it is for")
    cells = (f"`{prefix}{name.upper()}`", _type(field), _default(field), _escape(meaning))
    return "| " + " | ".join(cells) + " |"


def _type(field: FieldInfo) -> str:
    name = getattr(field.annotation, "__name__", "") if isinstance(field.annotation, type) else str(field.annotation)
    return _escape(" ".join([name.replace("typing.", ""), *_bounds(field.metadata)]))


def _bounds(metadata: Iterable[Any]) -> list[str]:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return [
        f"{sign} {_number(getattr(each, name))}"
        for each in metadata
        for name, sign in signs.items()
        if getattr(each, name, None) is not None
    ]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(none)"
    if field.default in ("", None):
        return "(unset)"
    return f"`{_number(field.default)}`"


def _number(value: object) -> str:
    """Numbers as people write them in settings: 600, not 600.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__)
