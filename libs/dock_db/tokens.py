"""Tokens: who may speak to the dock, as what, and until when. No secret is kept, only its digest."""

from __future__ import annotations

from builtins import list as List  # noqa: N812 - the class has a method of that name
from collections.abc import Collection

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import TokenRow
from learndock.errors import NotFound

COARSE_S = 3600.0
"""How exactly the last use is kept: calls should not write."""
_table = tables.tokens
_COLUMNS = [_table.c[name] for name in TokenRow.__dataclass_fields__]


class Tokens:
    """What is kept of tokens. Every time is of the database's clock."""

    def create(
        self,
        session: Session,
        *,
        token_id: str,
        digest: str,
        tenant: str,
        owner: str,
        scopes: Collection[str],
        lasts_s: float,
        note: str = "",
    ) -> TokenRow:
        """Record a token by the SHA-256 of its secret; it expires `lasts_s` seconds from now."""
        moment = dialect.now(session)
        row = TokenRow(
            token_id=token_id,
            digest=digest,
            tenant=tenant,
            owner=owner,
            scopes=" ".join(sorted(scopes)),
            note=note,
            created_at=moment,
            expires_at=moment + lasts_s,
            used_at=0.0,
            revoked_at=0.0,
        )
        session.execute(insert(_table).values(**vars(row)))
        return row

    def find(self, session: Session, token_id: str) -> TokenRow | None:
        """The token of that id, revoked and expired ones too."""
        found = session.execute(select(*_COLUMNS).where(_table.c.token_id == token_id)).mappings().first()
        return None if found is None else TokenRow(**found)

    def list(self, session: Session, *, owner: str = "", dead: bool = True) -> List[TokenRow]:
        """Every token, or those of an owner, oldest first; without `dead` only those that still count."""
        statement = select(*_COLUMNS).order_by(_table.c.created_at, _table.c.token_id)
        if owner:
            statement = statement.where(_table.c.owner == owner)
        if not dead:
            statement = statement.where(_table.c.revoked_at == 0.0, _table.c.expires_at > dialect.now(session))
        return [TokenRow(**found) for found in session.execute(statement).mappings()]

    def revoke(self, session: Session, token_id: str) -> TokenRow:
        """Let it count no more, from now on or from when it was first revoked. NotFound TOKEN_NOT_FOUND."""
        living = (_table.c.token_id == token_id, _table.c.revoked_at == 0.0)
        session.execute(update(_table).where(*living).values(revoked_at=dialect.now(session)))
        found = self.find(session, token_id)
        if found is None:
            raise NotFound(
                f"There is no token {token_id}.",
                reason="TOKEN_NOT_FOUND",
                hint="`dock token list` shows what there is.",
            )
        return found

    def note_use(self, session: Session, token_id: str) -> None:
        """Remember that it was used about now."""
        session.execute(update(_table).where(_table.c.token_id == token_id).values(used_at=dialect.now(session)))
