"""`dock fsck` says what of a dock is damaged or missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from dock_checking.settings import CheckingSettings
from dock_ingestion.settings import IngestionSettings
from dock_server.existing import DATA_OR_SERVER, existing_dock
from dock_server.folder import FolderLock
from dock_server.inspection import Finding, Inspection
from dock_server.opened import OpenedDock, opened_dock, settings_for
from dock_server.progress import told


@click.command("fsck")
@DATA_OR_SERVER
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the signing key.  [default: DOCK_CHECKING_KEYS, or keys in --data]",
)
@click.option("--quarantine", is_flag=True, help="Move damaged packages to `quarantine`, in the folder or the bucket.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def fsck(data: Path | None, keys: Path | None, quarantine: bool, as_json: bool) -> None:
    """Look over a dock, which may run: rows, packages, specifications, signed verdicts, and what belongs to nobody.

    Every package is read and its digest compared. The dock is that of DOCK_DB_URL and DOCK_BLOB_URL, or of a folder;
    one in a folder must be stopped for --quarantine. Exit code 1 says that something is wrong, 3 that database or store
    did not answer; what merely waits to be swept is told and does not count.

    Example:  dock fsck --data ~/my-dock
    """
    with _dock(data, alone=quarantine) as dock, told("read") as progress:
        folder = keys or CheckingSettings().keys or dock.folder.keys
        inspection = Inspection(dock, keys=folder, grace_s=IngestionSettings().abandoned_after_s, progress=progress)
        findings = list(inspection.findings())
        moved = [path for each in findings if quarantine and (path := inspection.quarantine(each))]
    serious = sum(each.serious for each in findings)
    if as_json:
        told_of = {
            "versions": inspection.versions,
            "bytes": inspection.bytes,
            "findings": [asdict(each) for each in findings],
            "quarantined": moved,
        }
        click.echo(json.dumps(told_of, indent=2))
    else:
        _say(findings, moved, inspection)
    if serious:
        raise click.exceptions.Exit(1)


@contextmanager
def _dock(data: Path | None, *, alone: bool) -> Iterator[OpenedDock]:
    settings = settings_for(data)
    if not (alone and settings.embedded):
        with opened_dock(data) as dock:
            yield dock
        return
    existing_dock(settings.data)
    with FolderLock(settings.data), opened_dock(data) as dock:
        yield dock


def _say(findings: list[Finding], moved: list[str], inspection: Inspection) -> None:
    for each in findings:
        click.echo(f"{each.mark}  {each.kind}  {each.what}  {each.detail}")
    for path in moved:
        click.echo(f"moved  {path}")
    if any(each.kind.startswith("PACKAGE_") and each.serious for each in findings):
        click.echo("A damaged package comes back by `dock rm` of that version and another push, or from the backup.")
    serious = sum(each.serious for each in findings)
    click.echo(f"{inspection.versions} versions, {inspection.bytes} bytes read, {serious} findings.")
