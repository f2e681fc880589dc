"""A whole dock that asks for tokens, in this process, and tokens and learnwares of everybody."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dock_db import Database, LearnwareRow, Learnwares, Specifications, State, Tokens
from dock_rpc.authorization import SCOPES
from dock_rpc.bearer import Token
from dock_server.composition import compose
from dock_server.folder import FolderLock
from dock_server.settings import DockSettings
from learndock.package import read_package
from tests.packages.models import build_package

USERS = frozenset(SCOPES) - {"admin", "service"}


@dataclass
class Guarded:
    """A running dock with `DOCK_AUTH=tokens`, and the operator's hand in its database."""

    address: str
    database: Database
    semantic_json: str
    digests: Iterator[str] = field(default_factory=lambda: (f"{number:064x}" for number in itertools.count(1)))

    def token(self, owner: str, *scopes: str, tenant: str = "default", lasts_s: float = 3600.0) -> Token:
        minted = Token.mint()
        with self.database.transaction() as session:
            Tokens().create(
                session,
                token_id=minted.token_id,
                digest=minted.digest,
                tenant=tenant,
                owner=owner,
                scopes=scopes,
                lasts_s=lasts_s,
            )
        return minted

    def revoke(self, token: Token) -> None:
        with self.database.transaction() as session:
            Tokens().revoke(session, token.token_id)

    def learnware(self, owner: str, *, published: bool, learnware_id: str = "") -> LearnwareRow:
        """One that the dock's workers have nothing to do with: made in one transaction, so that none sees it before."""
        digest, all_of_them = next(self.digests), Learnwares()
        with self.database.transaction() as session:
            row = all_of_them.insert(
                session,
                tenant="default",
                owner=owner,
                name="Of a test",
                content_sha256=digest,
                size_bytes=3,
                blob_key=f"packages/default/{digest}/of-a-test",
                semantic_json=self.semantic_json,
                specification_type="",
                learnware_id=learnware_id,
            )
            key = (row.learnware_id, row.version)
            claimed = all_of_them.claim(session, *key, working=State.CHECKING, lease_s=60.0)
            assert claimed is not None
            all_of_them.finish(
                session,
                *key,
                attempt=claimed.attempt,
                to=State.ACCEPTED if published else State.REJECTED,
                reason="" if published else "OF_A_TEST",
                reason_text="",
            )
            if published:
                claimed = all_of_them.claim(session, *key, working=State.EMBEDDING, lease_s=60.0)
                assert claimed is not None
                Specifications().store(session, *key, type="", payload=b"", self_norm=0.0, effective_size=0.0)
                all_of_them.mark_embedded(session, *key, attempt=claimed.attempt)
                all_of_them.mark_indexed(session, *key)
            return all_of_them.get(session, *key)


def semantic_json_of(folder: Path) -> str:
    """The semantic specification of some package, built in that folder."""
    package = read_package(build_package(folder / "package.zip"))
    assert package.semantic is not None
    return json.dumps(package.semantic.to_json())


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One dock for all tests of this folder."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = DockSettings(data=folder / "data", port=0, auth="tokens", unsafe_local=True)
    with FolderLock(settings.data) as data:
        dock = compose(data, settings)
        dock.start()
        database = Database(data.database_url)
        yield Guarded(f"127.0.0.1:{dock.server.port}", database, semantic_json_of(folder))
        database.close()
        dock.stop(1.0)
