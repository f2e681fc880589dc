"""`dock fsck` says what of a dock is damaged or missing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dock_ingestion.settings import IngestionSettings
from dock_server.existing import DATA, existing_dock
from dock_server.folder import FolderLock
from dock_server.inspection import Finding, Inspection


@click.command("fsck")
@DATA
@click.option("--quarantine", is_flag=True, help="Move damaged packages to the folder's `quarantine`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def fsck(data: Path, quarantine: bool, as_json: bool) -> None:
    """Look over a stopped dock: packages, specifications, signed verdicts, and what belongs to nobody.

    Every package is read and its digest compared. Exit code 1 says that something is wrong; what merely waits to be
    swept is told and does not count.

    Example:  dock fsck --data ~/my-dock
    """
    existing_dock(data)
    with FolderLock(data) as folder:
        inspection = Inspection(folder, grace_s=IngestionSettings().abandoned_after_s)
        findings = list(inspection.findings())
        moved = [str(path) for each in findings if quarantine and (path := inspection.quarantine(each))]
    serious = sum(each.serious for each in findings)
    if as_json:
        told = {
            "versions": inspection.versions,
            "bytes": inspection.bytes,
            "findings": [asdict(each) for each in findings],
            "quarantined": moved,
        }
        click.echo(json.dumps(told, indent=2))
    else:
        _say(findings, moved, inspection)
    if serious:
        raise click.exceptions.Exit(1)


def _say(findings: list[Finding], moved: list[str], inspection: Inspection) -> None:
    for each in findings:
        click.echo(f"{'wrong' if each.serious else 'note '}  {each.kind}  {each.what}  {each.detail}")
    for path in moved:
        click.echo(f"moved  {path}")
    if any(each.kind.startswith("PACKAGE_") and each.serious for each in findings):
        click.echo("A damaged package comes back by `dock rm` of that version and another push, or from the backup.")
    serious = sum(each.serious for each in findings)
    click.echo(f"{inspection.versions} versions, {inspection.bytes} bytes read, {serious} findings.")
