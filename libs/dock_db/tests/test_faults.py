"""Faults of PostgreSQL become errors of ours."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from dock_db import dialect


class _ServerError(Exception):
    def __init__(self, pgcode: str | None) -> None:
        super().__init__("from the server")
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("53100", "STORAGE_FULL"), ("25006", "STORAGE_READ_ONLY"), ("40P01", "DATABASE_CONFLICT"),
        ("57P01", "DATABASE_DOWN"), ("08006", "DATABASE_DOWN"), (None, "DATABASE_DOWN"), ("42601", None),
    ],
)  # fmt: skip
def test_faults_of_a_server(state, reason):
    error = dialect.typed(OperationalError("", {}, _ServerError(state)))
    assert (error.reason if error else None) == reason
