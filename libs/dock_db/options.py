"""How a database server is talked to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatabaseOptions:
    """For PostgreSQL; the database of an embedded dock needs none of it.

    Args:
        connections: that one process keeps open.
        more_connections: that it opens beside those while it is busy.
        pool_wait_s: how long a thread waits for one before DATABASE_BUSY.
        connect_timeout_s: for each host that the URL names.
        statement_timeout_s: after which the server ends a statement.
        lock_timeout_s: after which a statement no longer waits for others' locks.
        idle_transaction_timeout_s: after which the server ends a transaction whose process went silent.
        standby_patience_s: how long a read waits for the standby to come as far as it must, before the primary answers.
        behind_pooler: a pooler such as PgBouncer gives each transaction another connection. What belongs to a
            connection is then left out: no NOTIFY (wake-ups between processes come by polling), no leadership
            (everybody leads), and the timeouts are those that the server has set for the user.

    """

    connections: int = 5
    more_connections: int = 15
    pool_wait_s: float = 10.0
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 30.0
    lock_timeout_s: float = 15.0
    idle_transaction_timeout_s: float = 60.0
    standby_patience_s: float = 0.2
    behind_pooler: bool = False

    def driver_arguments(self, given: str = "") -> dict[str, object]:
        """What the driver is told beside the URL, whose `options` are `given` and win."""
        arguments: dict[str, object] = {
            "connect_timeout": max(2, round(self.connect_timeout_s)),
            # A peer that vanished is noticed in half a minute, not after two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
        }
        if not self.behind_pooler:
            timeouts = {
                "statement_timeout": self.statement_timeout_s,
                "lock_timeout": self.lock_timeout_s,
                "idle_in_transaction_session_timeout": self.idle_transaction_timeout_s,
            }
            settings = [f"-c {name}={seconds * 1e3:.0f}" for name, seconds in timeouts.items()]
            arguments["options"] = " ".join([*settings, given]).strip()
        return arguments
