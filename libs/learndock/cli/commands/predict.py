"""`dock predict`."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

from learndock.cli.asking import build_query
from learndock.cli.command import Command
from learndock.cli.commands.search import asks
from learndock.cli.options import ANY_PATH, FILE, keeps_private, open_dock, prints_json, reads_columns, speaks_to_dock
from learndock.cli.records import clean, plain
from learndock.cli.screen import print_json, say, tell, tells_warnings, waiting
from learndock.errors import FailedPrecondition, InvalidInput, NotFound

if TYPE_CHECKING:
    from learndock.client import Dock, LearnwareRecord, OpenMembers

Array = npt.NDArray[Any]
METHODS = ("mean", "vote_by_label", "vote_by_probability", "job_selector")


@click.command("predict", cls=Command)
@click.argument("learnware_ids", nargs=-1, metavar="[ID]...")
@click.option("--data", type=FILE, required=True, help="Rows to predict for: CSV, Parquet or npy.")
@click.option("--out", "-o", type=ANY_PATH, help="File to write, .csv or .npy.  [default: CSV on stdout]")
@click.option(
    "--where",
    type=click.Choice(["local", "dock"]),
    default="local",
    show_default=True,
    help="Run the models here in a sandbox, or in the dock (your rows are then sent).",
)
@click.option("--method", type=click.Choice(METHODS), default="mean", show_default=True, help="How to join answers.")
@click.option("--single", is_flag=True, help="Without ids: the best hit alone instead of the mixture.")
@asks
@reads_columns
@keeps_private
@speaks_to_dock
@prints_json
def predict_command(
    learnware_ids: tuple[str, ...],
    data: Path,
    out: Path | None,
    where: str,
    method: str,
    single: bool,
    target: str,
    drop: tuple[str, ...],
    address: str | None,
    owner: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Predict for every row of a table: with the learnwares named, or with what a search finds for the table.

    Example:
      dock predict 00000007 --data mine.csv --out labels.csv
      dock predict --data mine.csv --task classification --outputs 3

    """
    from learndock.tables import read_table  # noqa: PLC0415

    _check_out(out)
    table = read_table(data, target=target, drop=drop)
    dock = open_dock(address, owner)
    records, weights = _choose(dock, learnware_ids, table, asked, single=single)
    _check_width(records, table.X)
    with waiting("predicting"):
        answer = _predict(dock, records, weights, table.X, where, method)
    used = [{"learnware_id": each.learnware_id, "weight": share} for each, share in zip(records, weights, strict=True)]
    if as_json:
        print_json({"learnwares": used, "method": method, "where": where, "predictions": plain(answer)})
    if out is not None or not as_json:
        write_answer(answer, out, class_names(records))
    if out is not None:
        say(f"Wrote {out}: {len(answer)} rows.")


def _choose(
    dock: Dock, ids: tuple[str, ...], table: Any, asked: dict[str, Any], *, single: bool
) -> tuple[list[LearnwareRecord], list[float]]:
    """The records to predict with and their weights: those named, or what a search finds."""
    if ids:
        with tells_warnings():
            return [dock.usable(each) for each in dict.fromkeys(ids)], [1.0] * len(dict.fromkeys(ids))
    from learndock.cli.commands.spec import reduce_table  # noqa: PLC0415

    query = build_query(asked["tag"], asked["task"], asked["data_type"], asked["outputs"])
    found = dock.search(reduce_table(table, privacy=asked["privacy"]), query=query, text=asked["text"])
    if not found.hits:
        for note in found.notes:
            tell(f"Note: {note}")
        raise NotFound(
            "No learnware fits this table.",
            reason="NOTHING_FOUND",
            hint="Check --target and --drop (the width must be the model's), or ask for less.",
        )
    if found.nothing_fits and found.verdict is not None:
        raise FailedPrecondition(
            f"Nothing in the dock fits this table. {clean(found.verdict.reason)}",
            reason="NOTHING_FITS",
            hint=f"To use the nearest all the same, name it: dock predict {found.hits[0].record.learnware_id} --data …",
        )
    members = [(found.hits[0].record, 1.0)]
    if found.mixture is not None and not single:
        members = [(each.record, each.weight) for each in found.mixture.members]
    for record, weight in members:
        say(f"Using {record.learnware_id} ({clean(record.name)}), {weight:.0%}")
    if found.verdict is not None and found.verdict.word != "fits":
        tell(f"Verdict: {found.verdict}")
    return [record for record, _ in members], [weight for _, weight in members]


def _predict(
    dock: Dock,
    records: list[LearnwareRecord],
    weights: list[float],
    X: Array,
    where: str,
    method: str,
) -> Array:
    if where == "dock":
        from learndock.client import MixtureMember  # noqa: PLC0415

        chosen = [MixtureMember(record, weight) for record, weight in zip(records, weights, strict=True)]
        return np.asarray(dock.predict(chosen, X, method=method))
    with open_here(dock, list(zip(records, weights, strict=True))) as members:
        for note in members.notes:
            tell(f"Note: {note}")
        return _combine(members, _task(records), X, method)


def open_here(dock: Dock, chosen: list[tuple[LearnwareRecord, float]]) -> OpenMembers:
    """Pull learnwares and open each in a sandbox on this machine."""
    import warnings  # noqa: PLC0415

    from learndock.client import DockWarning, MixtureMember  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DockWarning)  # the notes say the same
        return dock.load([MixtureMember(record, weight) for record, weight in chosen], where="local")


def _task(records: list[LearnwareRecord]) -> tuple[str, int | None]:
    """Kind of task and number of outputs of all of them. InvalidInput MEMBERS_DIFFER."""
    kinds = {(record.semantic.task_type.lower(), record.semantic.output_dimension) for record in records}
    if len(kinds) > 1:
        shown = "; ".join(f"{task}, {count} outputs" for task, count in sorted(kinds, key=str))
        raise InvalidInput(
            f"These learnwares answer different questions: {shown}.",
            reason="MEMBERS_DIFFER",
            hint="Predict with those of one kind.",
        )
    return kinds.pop()


def _combine(members: OpenMembers, task: tuple[str, int | None], X: Array, method: str) -> Array:
    kind, outputs = task
    if kind not in ("classification", "regression"):
        return np.asarray(members[0].model.predict(X))
    from learndock.reuse import AveragingReuser, JobSelectorReuser  # noqa: PLC0415

    classes = outputs if kind == "classification" else None
    if method == "job_selector":
        return np.asarray(JobSelectorReuser(members, task=kind, n_classes=classes).fit().predict(X))
    reuser = AveragingReuser(members, task=kind, mode=method, n_classes=classes, weighted=True)
    return np.asarray(reuser.fit().predict(X))


def _check_width(records: list[LearnwareRecord], X: Array) -> None:
    """Before any model is started. InvalidInput INPUT_WIDTH."""
    for record in records:
        wanted = record.semantic.input_dimension
        if record.semantic.data_type == "Table" and wanted and wanted != X.shape[1]:
            raise InvalidInput(
                f"{record.learnware_id} takes rows of {wanted} columns; the table has {X.shape[1]}.",
                reason="INPUT_WIDTH",
                hint="Leave columns out with --target and --drop, or choose another learnware.",
            )


def _check_out(out: Path | None) -> None:
    if out is not None and out.suffix not in (".csv", ".npy"):
        raise click.BadParameter(f"{out} ends in neither .csv nor .npy", param_hint="--out")


def class_names(records: list[LearnwareRecord]) -> dict[int, str]:
    """Names of the classes, where every learnware has the same and they say more than the numbers; {} otherwise."""
    first, *others = [record.semantic for record in records]
    names = {i: name.removeprefix("class ") for i, name in first.output_description.items()}
    same = all(other.output_description == first.output_description for other in others)
    complete = first.task_type == "Classification" and len(names) == first.output_dimension
    told = any(name != str(i) for i, name in names.items())
    return names if same and complete and told else {}


def write_answer(answer: Array, out: Path | None, names: Mapping[int, str] | None = None) -> None:
    """Predictions as npy or CSV: a header, then a line for each row; with `names`, each class's name beside it."""
    if out is not None and out.suffix == ".npy":
        np.save(out, answer, allow_pickle=False)
        return
    columns = answer.reshape(len(answer), -1)
    titles = ["prediction"] if columns.shape[1] == 1 else [f"output {i}" for i in range(columns.shape[1])]
    rows = columns.tolist()
    if names and columns.shape[1] == 1:
        titles.append("class")
        rows = [[value, names.get(int(value), "")] for (value,) in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([titles, *rows])
    if out is None:
        sys.stdout.write(text.getvalue())
    else:
        out.write_text(text.getvalue(), encoding="utf-8")
