"""Write docs/reference/authorization.md from the table of who may call what; `--check` fails where it is stale."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tools.reference import write_or_check

from dock_rpc.authorization import RULES, SCOPES, Reach, Rule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "authorization.md"

HEAD = """\
# Who may call what

<!-- Written by tools/generate_authorization_reference.py: `make generate`. -->

What a dock with `DOCK_AUTH=tokens` lets in ([how to set that up](../guide/security.md)). Every call but health checks
and reflection needs a token; an RPC that is not in this table is refused to everybody. `pytest tests/security` calls
each of them as everybody.

## Scopes

| scope | for |
| --- | --- |
"""
TABLE = """
## Calls

One of the scopes is needed. `admin` has every scope of users, and the column "touches" does not bind it, nor `service`.
Nobody touches what belongs to another tenant. Published is what was accepted and is in use (ACCEPTED, EMBEDDING,
INDEXED, DEPRECATED); who is not its owner gets the published version where none is named. Marked calls are written to
the audit log, and so is every refusal.
"""


def page() -> str:
    """The whole page."""
    scopes = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in SCOPES.items())
    sections = [_section(service, list(keys)) for service, keys in groupby(RULES, key=lambda key: key[0])]
    return HEAD + scopes + TABLE + "".join(sections)


def _section(service: str, keys: list[tuple[str, str]]) -> str:
    rows = "".join(_row(key[1], RULES[key]) for key in keys)
    return f"\n### {service}\n\n| call | scopes | touches | audited |\n| --- | --- | --- | --- |\n{rows}"


def _row(name: str, rule: Rule) -> str:
    scopes = ", ".join(f"`{scope}`" for scope in SCOPES if scope in rule.scopes)
    touches = "—" if rule.reach is Reach.ALL else rule.reach.value
    return f"| `{name}` | {scopes} | {touches} | {'yes' if rule.changes else ''} |\n"


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__)
