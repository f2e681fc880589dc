"""Faults of a real PostgreSQL become errors of ours, tell no secrets, and pass."""

from __future__ import annotations

import concurrent.futures
import secrets
import threading
import traceback

import pytest
from sqlalchemy import make_url, text

from dock_db import Database, DatabaseOptions, State
from dock_db.tests.making import LEARNWARES, bring_to, insert
from dock_db.transitions import serialise
from learndock.errors import DockError, FailedPrecondition, InvalidInput, Unavailable


@pytest.fixture
def database_url(postgres_url) -> str:
    return str(postgres_url)


@pytest.fixture
def admin(database_url):
    """Runs a statement as somebody else."""
    other = Database(database_url)

    def run(statement: str, **values) -> list[tuple]:
        with other.transaction() as session:
            result = session.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    yield run
    other.close()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("22001", "TEXT_TOO_LONG"),
        ("25006", "DATABASE_READ_ONLY"),
        ("25P03", "DATABASE_DOWN"),
        ("28P01", "DATABASE_REFUSED"),
        ("3D000", "DATABASE_MISSING"),
        ("40001", "DATABASE_CONFLICT"),
        ("40P01", "DATABASE_CONFLICT"),
        ("42501", "DATABASE_REFUSED"),
        ("53100", "STORAGE_FULL"),
        ("53300", "DATABASE_BUSY"),
        ("55P03", "DATABASE_BUSY"),
        ("57014", "DATABASE_BUSY"),
        ("57P01", "DATABASE_DOWN"),
        ("57P03", "DATABASE_DOWN"),
        ("58030", "DATABASE_DOWN"),
        ("08006", "DATABASE_DOWN"),
        ("XX001", "DATABASE_DAMAGED"),
    ],
)
def test_what_the_server_raises(database, state, reason):
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'a secret' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(DockError) as caught, database.transaction() as session:
        session.execute(text(raising))
    assert caught.value.reason == reason
    assert "secret" not in str(caught.value)
    assert bool(caught.value.retry_after_s) == (reason == "STORAGE_FULL" or isinstance(caught.value, Unavailable))
    with database.transaction() as session:
        insert(session)


def test_a_fault_of_our_own_is_not_dressed_up(database):
    with pytest.raises(Exception, match="syntax error"), database.transaction() as session:
        session.execute(text("SELEC 1"))


def test_a_wrong_password_is_refused_and_nobody_reads_it(database_url):
    url = make_url(database_url).set(password="hunter2-hunter2").render_as_string(hide_password=False)
    database = Database(url)
    with pytest.raises(FailedPrecondition) as caught:
        database.schema()
    assert caught.value.reason == "DATABASE_REFUSED"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in repr(vars(caught.value)) + repr(database)


@pytest.mark.parametrize("url", ["postgresql+psycopg2//u:hunter2@h/d", "postgresql+psycopg2://u:hunter2@h:port/d"])
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.reason == "DATABASE_URL_INVALID"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_database_that_does_not_exist(database_url):
    with pytest.raises(FailedPrecondition) as caught:
        Database(make_url(database_url).set(database="nosuch").render_as_string(hide_password=False)).schema()
    assert caught.value.reason == "DATABASE_MISSING"
    assert "nosuch" not in str(caught.value)


def test_a_user_that_does_not_exist_is_not_let_in(database_url):
    with pytest.raises(FailedPrecondition) as caught:
        Database(make_url(database_url).set(username="nosuch").render_as_string(hide_password=False)).schema()
    assert caught.value.reason == "DATABASE_REFUSED"


def test_no_connection_is_left(database_url, admin):
    name = f"lonely_{secrets.token_hex(4)}"
    admin(f"CREATE ROLE {name} LOGIN PASSWORD 'p' CONNECTION LIMIT 1")
    url = make_url(database_url).set(username=name, password="p").render_as_string(hide_password=False)
    first, second = Database(url), Database(url)
    with first.read() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable) as caught:
            second.schema()
    assert caught.value.reason == "DATABASE_BUSY"
    first.close()
    second.close()


def test_the_pool_is_exhausted_for_a_while_only(opened, database):
    options = DatabaseOptions(connections=1, more_connections=0, pool_wait_s=0.1)
    small = opened(options=options)
    with small.read() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable) as caught, small.read() as second:
            second.execute(text("SELECT 1"))
    assert caught.value.reason == "DATABASE_BUSY"
    small.schema()


def test_a_statement_that_takes_too_long_is_ended(opened):
    impatient = opened(options=DatabaseOptions(statement_timeout_s=0.1))
    with pytest.raises(Unavailable) as caught, impatient.read() as session:
        session.execute(text("SELECT pg_sleep(60)"))
    assert caught.value.reason == "DATABASE_BUSY"


def test_others_locks_are_waited_for_so_long(opened, database):
    impatient = opened(options=DatabaseOptions(lock_timeout_s=0.1))
    with database.transaction() as session:
        serialise(session)
        with pytest.raises(Unavailable) as caught, impatient.transaction() as other:
            insert(other)
    assert caught.value.reason == "DATABASE_BUSY"
    with impatient.transaction() as other:
        insert(other)


def test_who_goes_silent_in_a_transaction_holds_nobody_up(opened, database):
    silent = opened(options=DatabaseOptions(idle_transaction_timeout_s=0.1))
    with pytest.raises(Unavailable) as caught, silent.transaction() as session:
        serialise(session)
        with database.transaction() as other:
            insert(other)
        insert(session)
    assert caught.value.reason == "DATABASE_DOWN"


def test_a_deadlock_is_tried_again(database, admin):
    admin("CREATE TABLE pair (id int PRIMARY KEY, hits int)")
    admin("INSERT INTO pair VALUES (1, 0), (2, 0)")
    meet = threading.Barrier(2)
    tries = []

    def both(order: tuple[int, int]) -> None:
        met = []

        def work(session) -> None:
            tries.append(order)
            for number in order:
                session.execute(text("UPDATE pair SET hits = hits + 1 WHERE id = :id"), {"id": number})
                if not met:
                    met.append(meet.wait(30))

        database.insist(work)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(both, [(1, 2), (2, 1)]))
    assert len(tries) == 3
    assert sorted(admin("SELECT id, hits FROM pair")) == [(1, 2), (2, 2)]


def test_trying_again_ends(database):
    tries = []

    def work(session) -> None:
        tries.append(1)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(Unavailable) as caught:
        database.insist(work, tries=3)
    assert caught.value.reason == "DATABASE_CONFLICT"
    assert len(tries) == 3


def test_a_cut_connection_undoes_and_the_next_works(database, admin):
    with pytest.raises(Unavailable) as caught, database.transaction() as session:
        insert(session)
        admin("SELECT pg_terminate_backend(:id)", id=session.scalar(text("SELECT pg_backend_pid()")))
        insert(session)
    assert caught.value.reason == "DATABASE_DOWN"
    with database.transaction() as session:
        assert insert(session).revision == 1


def test_the_server_stops_and_comes_back(own_postgres):
    database = Database(own_postgres.new_database())
    database.create()
    with database.transaction() as session:
        bring_to(session, State.INDEXED)
    own_postgres.kill()
    for _ in range(2):
        with pytest.raises(Unavailable) as caught, database.transaction() as session:
            insert(session)
        assert caught.value.reason == "DATABASE_DOWN"
    threading.Timer(0.5, own_postgres.start).start()
    database.await_schema(120.0)
    with database.transaction() as session:
        assert LEARNWARES.revision(session) == 6
        insert(session)
    database.close()


def test_a_primary_that_became_a_standby_is_left(database, opened, admin):
    with database.transaction() as session:
        insert(session)
        before = session.scalar(text("SELECT pg_backend_pid()"))
        session.execute(text("SET SESSION default_transaction_read_only = on"))
    with pytest.raises(Unavailable) as caught, database.transaction() as session:
        insert(session)
    assert caught.value.reason == "DATABASE_READ_ONLY"
    with database.transaction() as session:  # by a new connection
        insert(session)
        assert session.scalar(text("SELECT pg_backend_pid()")) != before


def test_texts_are_no_longer_than_their_columns(database):
    with pytest.raises(InvalidInput) as caught, database.transaction() as session:
        insert(session, owner="o" * 129)
    assert caught.value.reason == "TEXT_TOO_LONG"


def test_a_server_that_forgets_what_it_acknowledged_is_named(database):
    with database.read() as session:
        from dock_db import dialect

        assert "synchronous_commit" not in dialect.careless(session)
        session.execute(text("SET LOCAL synchronous_commit = off"))
        assert "synchronous_commit" in dialect.careless(session)
