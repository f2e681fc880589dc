"""`dock token`: who may speak to a dock that asks for tokens, and until when."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import click

from dock_db import TokenRow, Tokens
from dock_rpc.authorization import SCOPES
from dock_rpc.bearer import Token
from dock_server.configuration import read_settings
from dock_server.existing import AS_JSON, DATA_OR_SERVER, existing_database
from dock_server.settings import DockSettings
from learndock.errors import AlreadyExists, InvalidInput

_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_LASTS = re.compile(r"([0-9]{1,6})([hdw])")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}")
LONGEST_S = 365 * 86400.0


@click.group("token")
def token() -> None:
    """Make, list and revoke the tokens of a dock (DOCK_AUTH=tokens).

    Example:  dock token create --owner ann --scopes push,search --expires 90d
    """


@token.command("create")
@click.option("--owner", required=True, help="Whose learnwares its bearer may touch.")
@click.option(
    "--scopes",
    default="search,pull,predict",
    show_default=True,
    help=f"What it is for, with commas between: {', '.join(SCOPES)}.",
)
@click.option("--expires", default="90d", show_default=True, help="After how many hours, days or weeks: 12h, 90d, 4w.")
@click.option("--note", default="", help="What you want to remember of it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a new file, mode 600.")
@DATA_OR_SERVER
@AS_JSON
def create(
    owner: str, scopes: str, expires: str, note: str, out: Path | None, data: Path | None, as_json: bool
) -> None:
    """Make a token. It is shown this once: the dock keeps its digest only.

    The dock may run meanwhile.

    Example:  dock token create --owner ann --scopes push,delete,search --out ann.token
    """
    if not _OWNER.fullmatch(owner):
        raise InvalidInput(
            f"{owner!r} is no name of an owner.",
            reason="OWNER_INVALID",
            hint="Use letters, digits and '_.@+-', starting with a letter or digit.",
        )
    wanted, lasts_s = _scopes(scopes), _seconds(expires)
    minted = Token.mint()
    settings = read_settings(DockSettings)
    with _written(out, minted.secret), existing_database(data) as database, database.transaction() as session:
        row = Tokens().create(
            session,
            token_id=minted.token_id,
            digest=minted.digest,
            tenant=settings.tenant,
            owner=owner,
            scopes=wanted,
            lasts_s=lasts_s,
            note=note,
        )
    if as_json:
        shown = {} if out is not None else {"token": minted.secret}
        click.echo(json.dumps(_document(row) | shown, indent=2))
    elif out is None:
        click.echo(minted.secret)
    if not as_json:
        click.echo(
            f"{row.token_id} is {owner}'s until {_day(row.expires_at)}, for {', '.join(sorted(wanted))}.", err=True
        )


@token.command("list")
@click.option("--owner", default="", help="Only this owner's.")
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones too.")
@DATA_OR_SERVER
@AS_JSON
def list_tokens(owner: str, everything: bool, data: Path | None, as_json: bool) -> None:
    """List tokens, without their secrets.

    Example:  dock token list --owner ann
    """
    with existing_database(data) as database, database.read() as session:
        rows = Tokens().list(session, owner=owner, dead=everything)
    if as_json:
        click.echo(json.dumps([_document(row) for row in rows], indent=2))
        return
    if not rows:
        click.echo("There is no token yet. Next: dock token create --owner NAME", err=True)
    for row in rows:
        used = f"used {_day(row.used_at)}" if row.used_at else "never used"
        state = "revoked" if row.revoked_at else f"until {_day(row.expires_at)}"
        click.echo("  ".join([row.token_id, row.owner, row.scopes.replace(" ", ","), state, used, row.note]).rstrip())


@token.command("revoke")
@click.argument("token_id")
@DATA_OR_SERVER
@AS_JSON
def revoke(token_id: str, data: Path | None, as_json: bool) -> None:
    """Let a token count no more; every service knows it within 5 seconds.

    Example:  dock token revoke 7h2k9w4mzq1x
    """
    with existing_database(data) as database, database.transaction() as session:
        row = Tokens().revoke(session, _bare_id(token_id))
    click.echo(json.dumps(_document(row), indent=2) if as_json else f"{row.token_id} of {row.owner} is revoked.")


def _bare_id(text: str) -> str:
    """Nobody should have to show a secret to revoke it, but whoever pastes one means its id."""
    found = Token.parse(text)
    return found.token_id if found is not None else text


def _scopes(text: str) -> list[str]:
    wanted = [each.strip() for each in text.split(",") if each.strip()]
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown or not wanted:
        raise InvalidInput(
            f"No such scope: {', '.join(unknown) or '(none given)'}.",
            reason="SCOPE_UNKNOWN",
            hint=f"The scopes are {', '.join(SCOPES)}.",
        )
    if "service" in wanted and len(set(wanted)) > 1:
        raise InvalidInput(
            "The scope service stands alone: what services may do is no right of a person's.",
            reason="SCOPE_ALONE",
            hint="Make two tokens.",
        )
    return wanted


def _seconds(text: str) -> float:
    match = _LASTS.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST_S:
        raise InvalidInput(
            f"{text!r} is no time that a token may last.",
            reason="EXPIRY_INVALID",
            hint="Give hours, days or weeks, such as 12h, 90d or 4w, up to 365d.",
        )
    return seconds


@contextmanager
def _written(path: Path | None, secret: str) -> Iterator[None]:
    """Write the secret first, where it is asked for; no file stays when the token does not come about."""
    if path is None:
        yield
        return
    _write(path, secret)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(path: Path, secret: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise AlreadyExists(
            f"{path} is there already.", reason="TOKEN_FILE_EXISTS", hint="Name a new file, or remove that one."
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")


def _document(row: TokenRow) -> dict[str, object]:
    return {
        "token_id": row.token_id,
        "owner": row.owner,
        "tenant": row.tenant,
        "scopes": row.scopes.split(),
        "note": row.note,
        "created_at": _instant(row.created_at),
        "expires_at": _instant(row.expires_at),
        "used_at": _instant(row.used_at),
        "revoked_at": _instant(row.revoked_at),
    }


def _instant(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds") if seconds else None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
