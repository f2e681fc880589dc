"""The tables, in one text for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from dock_db.text import String, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite grows a key by itself only where the type is exactly INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")

revision = Table(
    "revision",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
    Column("next_learnware", BigInteger, nullable=False),
)
"""One row: the number of the last transition, and of the next learnware. Its lock orders all transitions."""

schema_marker = Table(
    "schema_marker",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("least_code", Integer, nullable=False),
)
"""One row: the oldest code, by the newest migration it has, that can work with this schema."""

learnwares = Table(
    "learnwares",
    metadata,
    Column("learnware_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String(128), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("revision", BigInteger, nullable=False, unique=True),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease_until", Double, nullable=False, default=0.0),
    Column("verdict_id", String(64), nullable=False, default=""),
    Column("content_sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("semantic_json", Text, nullable=False),
    Column("specification_type", String(64), nullable=False),
    Column("reason", String(64), nullable=False, default=""),
    Column("reason_text", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("driven_at", Double, nullable=False, default=0.0),
    Column("traceparent", String(64), nullable=False, server_default=text("''")),
    Index(None, "state", "driven_at"),
    Index(None, "tenant", "owner", "content_sha256"),
)

last_turns = Table(
    "last_turns",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("owner", String(128), primary_key=True),
    Column("state", String(32), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""When each owner's last turn began or ended, by working state: those that came before then go first."""

uploads = Table(
    "uploads",
    metadata,
    Column("upload_id", String(128), primary_key=True),
    Column("tenant", String(128), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("learnware_id", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("semantic_json", Text, nullable=False),
    Column("committed_learnware_id", String(64), nullable=False, default=""),
    Column("committed_version", Integer, nullable=False, default=0),
    Column("updated_at", Double, nullable=False),
    Index(None, "committed_learnware_id", "updated_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", _Serial, primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("headers", Text, nullable=False, server_default="{}"),
)
"""Events not yet published; a row goes once the bus has taken it."""

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String(128), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("seen_at", Double, nullable=False),
    Index(None, "seen_at"),
)


def _of_learnware() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["learnware_id", "version"], ["learnwares.learnware_id", "learnwares.version"])


verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", String(64), primary_key=True),
    Column("learnware_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("environment_lock_sha256", String(64), nullable=False),
    Column("dropped_requirements", Text, nullable=False),
    Column("isolation", String(64), nullable=False),
    Column("made_at", Double, nullable=False),
    UniqueConstraint("learnware_id", "version", "attempt"),
    _of_learnware(),
)

verdict_records = Table(
    "verdict_records",
    metadata,
    Column("verdict_id", String(64), ForeignKey("verdicts.verdict_id"), primary_key=True),
    Column("signed", Text, nullable=False),
    Column("bill_of_materials", Text, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("recorded_at", Double, nullable=False),
)
"""One row at most: the public key that every checker of the dock signs with."""

flags = Table(
    "flags",
    metadata,
    Column("learnware_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("reason", String(64), primary_key=True),
    Column("detail", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    _of_learnware(),
)

breaches = Table(
    "breaches",
    metadata,
    Column("learnware_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("rule", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("tenant", String(128), nullable=False),
    Column("at", Double, nullable=False),
)
"""Predictions that broke a rule for outputs, without a value of them, and reinstatements."""

check_steps = Table(
    "check_steps",
    metadata,
    Column("learnware_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("name", String(128), nullable=False),
    Column("status", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("at", Double, nullable=False),
    _of_learnware(),
)

specifications = Table(
    "specifications",
    metadata,
    Column("learnware_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("self_norm", Double, nullable=False),
    Column("effective_size", Double, nullable=False),
    Column("stored_at", Double, nullable=False),
    _of_learnware(),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("tenant", String(128), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("revoked_at", Double, nullable=False),
)
"""Who may speak to the dock. `digest` is the SHA-256 of the token; `used_at` is coarse; 0 means never."""

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("durable", String(128), primary_key=True),
    Column("event_id", String(256), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("asked_again", Boolean, nullable=False),
)
"""What a bus without a memory of its own gave up, and whether an operator asked to deliver it again."""

holds = Table(
    "holds",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", Double, nullable=False),
)
"""What must not be done until a moment, or until its holder lets go: nothing is swept while a backup is made."""

dock = Table(
    "dock",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("dock_id", String(64), nullable=False),
    Column("backed_up_at", Double, nullable=False, server_default=text("0")),
)
"""One row: which dock this is, and the moment that its newest backup is of (0: none). No copy of rows has it."""
