"""`dock search`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learndock.cli.asking import build_query
from learndock.cli.command import Command
from learndock.cli.options import FILE, makes_specification, open_dock, prints_json, reads_columns, speaks_to_dock
from learndock.cli.records import clean, plain_record
from learndock.cli.screen import print_json, print_table, say, tell, waiting
from learndock.cli.words import DATA_TYPES, TASKS, one_of

if TYPE_CHECKING:
    from learndock.client import Found, FoundLearnware


def asks(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that narrow a search."""
    for option in (
        click.option("--outputs", type=click.IntRange(1), help="Classes, or columns predicted, that it must have."),
        click.option("--task", type=one_of(TASKS), default="", help="Kind of task."),
        click.option("--type", "data_type", type=one_of(DATA_TYPES), default="", help="Kind of data."),
        click.option("--tag", multiple=True, metavar="TAG", help="Tag it must have, such as Health or License=MIT."),
        click.option("--text", default="", help="Words of its name or description."),
    ):
        command = option(command)
    return command


@click.command("search", cls=Command)
@click.option("--data", type=FILE, help="Your data: CSV, Parquet or npy. It stays here; a specification is sent.")
@click.option("--spec", type=FILE, help="Its specification, made with `dock spec`, instead.")
@asks
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Most hits shown.")
@click.option(
    "--mixture",
    type=click.Choice(["greedy", "weights", "none"]),
    default="greedy",
    show_default=True,
    help="How to look for several that fit together.",
)
@click.option("--mixture-size", type=click.IntRange(1, 100), default=5, show_default=True, help="Most in a mixture.")
@reads_columns
@makes_specification
@speaks_to_dock
@prints_json
def search_command(
    data: Path | None,
    spec: Path | None,
    limit: int,
    mixture: str,
    mixture_size: int,
    address: str | None,
    owner: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find learnwares for your data, by its distribution, by words and tags, or by all of them.

    Exit code 1 says that nothing was found, or that nothing fits: what is shown then is merely the nearest.

    Example:
      dock search --data mine.csv --target label --task classification
      dock search --text "heart disease" --tag Health

    """
    specification = task_specification(data, spec, asked)
    query = build_query(asked.pop("tag"), asked.pop("task"), asked.pop("data_type"), asked.pop("outputs"))
    dock = open_dock(address, owner)
    with waiting("searching"):
        found = dock.search(
            specification,
            query=query,
            text=asked["text"],
            limit=limit,
            mixture=mixture,
            mixture_size=mixture_size,
        )
    if as_json:
        print_json(plain_found(found))
    else:
        _print_found(found, scored=specification is not None)
    if not found.hits or found.nothing_fits:
        click.get_current_context().exit(1)


def task_specification(data: Path | None, spec: Path | None, asked: dict[str, Any]) -> Any:
    """The specification of the task, from its data or its file; None where neither is given."""
    columns = {"target": asked.pop("target"), "drop": asked.pop("drop")}
    how = {"k": asked.pop("k"), "gamma": asked.pop("gamma"), "seed": asked.pop("seed")}
    how["privacy"] = asked.pop("privacy")
    if data is not None and spec is not None:
        raise click.UsageError("Give --data or --spec, not both.")
    if spec is not None:
        from learndock.specification import TableSpecification  # noqa: PLC0415

        return TableSpecification.load(spec)
    if data is None:
        return None
    from learndock.cli.commands.spec import reduce_table  # noqa: PLC0415
    from learndock.tables import read_table  # noqa: PLC0415

    return reduce_table(read_table(data, **columns), **how)


def plain_found(found: Found) -> dict[str, Any]:
    """A search's answer as what JSON can say."""
    hits = [
        {"score": hit.score, "distance": hit.distance, "fits": hit.fits, **plain_record(hit.record)}
        for hit in found.hits
    ]
    answer: dict[str, Any] = {"hits": hits, "mixture": None, "verdict": None, "notes": list(found.notes)}
    answer["nothing_fits"] = found.nothing_fits
    if found.verdict is not None:
        answer["verdict"] = asdict(found.verdict)
    if found.mixture is not None:
        members = [
            {"learnware_id": each.record.learnware_id, "version": each.record.version, "weight": each.weight}
            for each in found.mixture.members
        ]
        answer["mixture"] = {"distance": found.mixture.distance, "members": members}
    return answer


def _print_found(found: Found, *, scored: bool) -> None:
    shares = {each.record.learnware_id: each.weight for each in found.mixture.members} if found.mixture else {}
    if found.hits:
        print_table(
            (
                "ID",
                "SCORE",
                *(("DISTANCE", "FITS") if scored else ()),
                *(("MIXTURE",) if shares else ()),
                "NAME",
                "OWNER",
            ),
            [_row(hit, shares, scored=scored) for hit in found.hits],
            numbers=(1, *((2,) if scored else ()), *((2 + 2 * scored,) if shares else ())),
        )
    _print_mixture(found)
    if found.verdict is not None:
        tell(f"Verdict: {found.verdict}")
    for note in found.notes:
        if found.verdict is None or note not in found.verdict.reason:
            tell(f"Note: {note}")
    if found.hits:
        several = found.mixture is not None and len(found.mixture.members) > 1
        ids = [each.record.learnware_id for each in found.mixture.members] if found.mixture and several else []
        if found.nothing_fits:
            tell("Nothing here fits your data: what is above is merely the nearest; `dock predict` takes it by id.")
        else:
            say(f"Next: dock predict {' '.join(ids or [found.hits[0].record.learnware_id])} --data FILE")
    elif scored:
        tell(
            "Nothing was found. See that the columns are the inputs alone (--target, --drop), or ask for less: "
            "fewer tags, other words, --outputs left out."
        )
    else:
        say("Nothing was found. Ask for less: fewer tags, other words, --outputs left out.")


def _row(hit: FoundLearnware, shares: dict[str, float], *, scored: bool) -> tuple[str, ...]:
    share = shares.get(hit.record.learnware_id)
    return (
        hit.record.learnware_id,
        f"{hit.score:.3f}",
        *((f"{hit.distance:.4f}", hit.fits) if scored else ()),
        *((f"{share:.0%}" if share else "",) if shares else ()),
        hit.record.name,
        hit.record.owner,
    )


def _print_mixture(found: Found) -> None:
    if found.mixture is None or len(found.mixture.members) < 2:
        return
    click.echo(f"\nMixture at distance {found.mixture.distance:.4f}:")
    for each in found.mixture.members:
        click.echo(f"  {each.weight:>5.0%}  {each.record.learnware_id}  {clean(each.record.name)}")
