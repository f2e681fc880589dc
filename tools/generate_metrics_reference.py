"""Write docs/reference/metrics.md from the table of metrics."""

from __future__ import annotations

from pathlib import Path

from tools.reference import write_or_check

from dock_server.figures import FIGURES, Figure

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "metrics.md"
HEAD = """# Metrics

Made by `make generate` from services/dock_server/figures.py. Each process of a dock serves its metrics at `/metrics` of
its metrics port; how to watch them is told in [Watching a dock](../guide/watching.md).

A metric **of the dock** is read from the database or the bus, and every process that has those tells the same: take
the `max` over processes, never the sum. It is read at a scrape, at most every two seconds and for two at most; where
it cannot be read it is absent. A metric **of the process** is that process's own: add counters up, and look at gauges
one by one. Processes of `reuse` alone have neither database nor bus, and none of what is read from them.

No label holds a learnware's id, or anything that a user wrote.
"""


def page() -> str:
    return HEAD + "".join(_section(figure) for figure in FIGURES)


def _section(figure: Figure) -> str:
    labels = "".join(f"- `{name}`: {meaning}\n" for name, meaning in figure.labels.items())
    return f"\n## {figure.name}\n\nA {figure.kind} of the {figure.of}. {figure.text}\n" + (
        f"\n{labels}" if labels else ""
    )


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__)
