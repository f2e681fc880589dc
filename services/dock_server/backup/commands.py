"""`dock backup` and `dock restore`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from dock_checking.settings import CheckingSettings
from dock_checking.signer import KEY
from dock_ingestion.settings import IngestionSettings
from dock_server.backup.manifest import Manifest
from dock_server.backup.restoring import restore as restore_backup
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import TO, Vault
from dock_server.backup.verifying import verify as verify_backup
from dock_server.configuration import read_settings
from dock_server.existing import DATA_OR_SERVER
from dock_server.folder import DockFolder, FolderLock
from dock_server.inspection import Inspection
from dock_server.opened import OpenedDock, opened, opened_dock, settings_for
from dock_server.progress import told
from dock_server.settings import BackupSettings
from learndock.errors import InvalidInput

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
_KEYS = click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the signing key.  [default: DOCK_CHECKING_KEYS, or keys in --data]",
)
_NAME = click.option("--name", default="", help="Which backup, as --list names it.  [default: the newest]")


@click.command("backup")
@click.argument("dest", required=False)
@DATA_OR_SERVER
@click.option(
    "--keep", type=click.IntRange(0), help="Forget all but so many complete backups; 0 for none.  [default: 0]"
)
@click.option("--with-keys", is_flag=True, help="Put the signing key in too: whoever has it can sign as this dock.")
@_KEYS
@click.option("--list", "list_", is_flag=True, help="List the backups in DEST, and make none.")
@click.option("--verify", is_flag=True, help="Read a backup in DEST whole and compare every digest, and make none.")
@_NAME
@_JSON
def backup(
    dest: str | None,
    data: Path | None,
    keep: int | None,
    with_keys: bool,
    keys: Path | None,
    list_: bool,
    verify: bool,
    name: str,
    as_json: bool,
) -> None:
    """Back up a dock, which may run meanwhile, to a folder or to s3://host:port/bucket/prefix.

    Rows are copied at one moment, then the packages that are not in DEST from earlier backups. A backup that was
    interrupted counts for nothing, and the next one goes on with what it copied. DEST defaults to DOCK_BACKUP_TO.

    Exit code 1 says that the dock has lost packages, or with --verify that the backup is damaged.

    Example:  dock backup ~/backups --data ~/my-dock --keep 7
    """
    place = dest or read_settings(BackupSettings).to
    named_by = "DEST" if dest else TO
    if not place:
        raise InvalidInput("Where to?", reason="BACKUP_PLACE_MISSING", hint="Name a folder, or set DOCK_BACKUP_TO.")
    if list_:
        _list(Vault.open(place, named_by=named_by), as_json)
    elif verify:
        _verify(Vault.open(place, named_by=named_by), name, as_json)
    else:
        with opened_dock(data) as dock, _closed_to_others():
            _take(
                dock,
                Vault.open(place, make=True, named_by=named_by),
                keep or 0,
                _keys_of(dock.folder, keys) if with_keys else None,
                as_json,
            )


@click.command("restore")
@click.argument("source")
@_NAME
@DATA_OR_SERVER
@_KEYS
@click.option("--skip-ids", type=click.IntRange(0), default=0, help="Ids left out, as they may be in use since.")
@click.option(
    "--same-dock",
    is_flag=True,
    help="The dock that was backed up is lost, and this is it again: it keeps its id, and may go on with its store.",
)
@_JSON
def restore(
    source: str, name: str, data: Path | None, keys: Path | None, skip_ids: int, same_dock: bool, as_json: bool
) -> None:
    """Restore a backup into an empty dock that does not run, of whatever kind, and look it over as `dock fsck` does.

    What comes back is a dock of its own, in a store that is empty. With --same-dock it is the one that was lost.

    All rows come in one transaction at the end: interrupted before, the dock is empty as before and the same command
    goes on. Exit code 1 says that something is wrong with what came back.

    Example:  dock restore ~/backups --data ~/new-dock
    """
    vault = Vault.open(source, named_by="SOURCE")
    manifest = vault.manifest(name)
    with _empty_dock(data) as dock, told("restored") as progress:
        folder = _keys_of(dock.folder, keys)
        done = restore_backup(
            vault,
            manifest,
            dock.database,
            dock.blobs,
            keys=folder,
            skip_ids=skip_ids,
            same_dock=same_dock,
            progress=progress,
        )
        inspection = Inspection(dock, keys=folder, grace_s=IngestionSettings().abandoned_after_s)
        findings = list(inspection.findings())
    serious = [each for each in findings if each.serious]
    if as_json:
        rows = {"dock_id": done.dock_id, "rows": dict(done.rows), "copied": done.copied, "keys": done.keys}
        click.echo(
            json.dumps({"name": manifest.name, **rows, "findings": [asdict(each) for each in findings]}, indent=2)
        )
    else:
        for each in findings:
            click.echo(f"{each.mark}  {each.kind}  {each.what}  {each.detail}")
        which = "again" if same_dock else "a dock of its own"
        click.echo(
            f"{manifest.name} is restored: {sum(done.rows.values())} rows, {manifest.packages} packages; "
            f"it is {which}, {done.dock_id}."
        )
        if not done.keys:
            click.echo(_key_told(folder, dock.settings.embedded))
    if serious:
        raise click.exceptions.Exit(1)


@contextmanager
def _empty_dock(data: Path | None) -> Iterator[OpenedDock]:
    settings = settings_for(data)
    if settings.embedded:
        with FolderLock(settings.data) as folder, opened(settings, folder) as dock:
            yield dock
        return
    with opened(settings, DockFolder(settings.data.resolve())) as dock:
        yield dock


def _take(dock: OpenedDock, vault: Vault, keep: int, keys: Path | None, as_json: bool) -> None:
    taker = BackupTaker(dock.database, dock.blobs, tenant=dock.settings.tenant)
    with told("copied") as progress:
        taken = taker.take(vault, keep=keep, keys=keys, progress=progress)
    manifest = taken.manifest
    if as_json:
        rest = {"copied": taken.copied, "copied_bytes": taken.copied_bytes, "forgotten": taken.forgotten}
        click.echo(json.dumps({**_summary(manifest), **rest}, indent=2))
    else:
        click.echo(
            f"{manifest.name}: {sum(manifest.rows.values())} rows, {manifest.packages} packages of "
            f"{manifest.package_bytes} bytes, {taken.copied} of them new, in {vault.where}."
        )
        for key in manifest.missing:
            click.echo(f"lost by the dock, and not in the backup: {key}", err=True)
    if manifest.missing:
        raise click.exceptions.Exit(1)


def _list(vault: Vault, as_json: bool) -> None:
    names = vault.names()
    found = [vault.manifest(name) for name, whole in names.items() if whole]
    torn = [name for name, whole in names.items() if not whole]
    if as_json:
        click.echo(json.dumps({"backups": [_summary(each) for each in found], "torn": torn}, indent=2))
        return
    for each in found:
        keys = "  with the signing key" if each.has_keys else ""
        lost = f"  {len(each.missing)} packages lost" if each.missing else ""
        click.echo(f"{each.name}  {each.made}  {each.packages} packages  {each.package_bytes} bytes{keys}{lost}")
    for name in torn:
        click.echo(f"{name}  torn: it was never completed")


def _verify(vault: Vault, name: str, as_json: bool) -> None:
    manifest = vault.manifest(name)
    with told("read") as progress:
        flaws = list(verify_backup(vault, manifest, progress))
    if as_json:
        click.echo(json.dumps({**_summary(manifest), "flaws": [asdict(each) for each in flaws]}, indent=2))
    else:
        for each in flaws:
            click.echo(f"wrong  {each.kind}  {each.what}  {each.detail}")
        click.echo(f"{manifest.name}: {manifest.packages} packages read, {len(flaws)} flaws.")
    if flaws:
        raise click.exceptions.Exit(1)


def _summary(manifest: Manifest) -> dict[str, object]:
    kept = ("name", "dock_id", "release", "schema", "tenant", "revision", "packages", "package_bytes")
    told_of = {name: getattr(manifest, name) for name in kept}
    return {**told_of, "made": manifest.made, "rows": dict(manifest.rows), "missing": list(manifest.missing)}


def _key_told(keys: Path, embedded: bool) -> str:
    """What there is to do about the signing key, where none came with the backup."""
    if (keys / KEY).is_file():
        return f"The signing key did not come with it: the dock signs with the one that was in {keys} before."
    told = (
        f"The signing key did not come with it. Before the dock starts, copy the files of the old dock's key folder "
        f"into {keys}. Where they are lost, "
    )
    new = "one is made then" if embedded else "start one checker once with DOCK_CHECKING_NEW_KEY=true"
    rest = (
        "Clients that know the old one refuse what it signs until `dock key forget`; `dock signing-key show` prints it."
    )
    return f"{told}{new}. {rest}"


def _keys_of(folder: DockFolder, given: Path | None) -> Path:
    return given or CheckingSettings().keys or folder.keys


@contextmanager
def _closed_to_others() -> Iterator[None]:
    """What a backup holds is for its owner alone: texts of people, digests of tokens, and perhaps the key."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
