"""Migrations build indexes while others write, and can be repeated after an interruption."""

import ast
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, create_engine, text

from tests.databases import BY_MONTH
from tests.installation import wait_for
from webapp import schema
from webapp.db import concurrent_indexes
from webapp.db.concurrent_indexes import LOCK_TIMEOUT, create_index, drop_index, replace_index
from webapp.db.engine import engine_options, unlimited_session
from webapp.db.revision import MIGRATIONS, downgrade, matches_schema, revisions, upgrade
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
BLOCKING_WRITES = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
LAYOUTS = ("postgresql", BY_MONTH)
FIRST_CONCURRENT = "0045"
WRITTEN = text(
    "SELECT coalesce(min(inhrelid::regclass::text), 'jobs') FROM pg_inherits WHERE inhparent = 'jobs'::regclass"
)
BUILDS = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
LOCKS = text("SELECT mode FROM pg_locks WHERE pid = ANY (:pids) AND relation = CAST(:table AS regclass)")
INVALID = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
DEFINITIONS = text(
    """SELECT indexname, regexp_replace(replace(indexdef, schemaname || '.', ''), ' ON (ONLY )?', ' ON ')
       FROM pg_indexes WHERE schemaname = :schema AND tablename = 'jobs'"""
)


@pytest.fixture
def database() -> str:
    return "postgresql"


@pytest.fixture
def engine(services: Services, database: str) -> Engine:
    return services.engine


@pytest.fixture
def observer(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def written(observer: Connection) -> str:
    """The table that keeps the rows: the first partition, or all jobs."""
    return str(observer.execute(WRITTEN).scalar_one())


@pytest.fixture
def open_write(database_url: str, written: str) -> Iterator[Callable[[], Connection]]:
    """Return a function that begins a transaction with the lock of a write; it fails at once if it had to wait."""
    engine = create_engine(database_url)
    opened: list[Connection] = []

    def begin() -> Connection:
        opened.append(connection := engine.connect())
        connection.exec_driver_sql(f"LOCK TABLE {written} IN ROW EXCLUSIVE MODE NOWAIT")
        return connection

    yield begin
    for connection in opened:
        connection.close()
    engine.dispose()


@contextmanager
def migrating(engine: Engine) -> Iterator[None]:
    with unlimited_session(engine) as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with context.begin_transaction(_per_migration=True), Operations.context(context):
            yield


def build(engine: Engine, columns: tuple[str, ...] = ("created_at", "id"), where: str = "priority > 3") -> None:
    with migrating(engine):
        create_index("ix_jobs_built", "jobs", columns, where=where)


def definition_of(observer: Connection, name: str) -> str:
    found = observer.execute(text("SELECT pg_get_indexdef(to_regclass(:name))"), {"name": name}).scalar()
    return str(found).partition(" USING ")[2]


def oid_of(observer: Connection, name: str) -> int:
    return int(observer.execute(text("SELECT CAST(:name AS regclass)::oid"), {"name": name}).scalar_one())


def invalid(observer: Connection) -> list[str]:
    return list(observer.execute(INVALID).scalars())


def waiting(observer: Connection) -> list[int]:
    return list(observer.execute(BUILDS).scalars())


def locks_while_others_write(
    observer: Connection, migration: Future[Any], table: str, write: Connection, open_write: Callable[[], Connection]
) -> set[str]:
    """End a write whenever a migration waits for one; return the migration's locks of the table at these times.

    There is always another write, so no lock that conflicts with one is ever granted.
    """
    locks: set[str] = set()
    while not migration.done():
        wait_for(lambda: migration.done() or waiting(observer))
        locks |= set(observer.execute(LOCKS, {"pids": waiting(observer), "table": table}).scalars())
        following = open_write()
        write.close()
        write = following
    write.close()
    return locks


def test_no_write_waits_for_the_migrations_of_indexes(
    engine: Engine, observer: Connection, open_write: Callable[[], Connection]
) -> None:
    downgrade(engine, "0046")
    with ThreadPoolExecutor(1) as threads, open_write() as write:
        migration = threads.submit(upgrade, engine)
        locks = locks_while_others_write(observer, migration, "jobs", write, open_write)
        migration.result()
    assert "ShareUpdateExclusiveLock" in locks
    assert not locks & BLOCKING_WRITES
    assert matches_schema(engine)
    assert invalid(observer) == []


@pytest.mark.parametrize("database", LAYOUTS)
def test_no_write_waits_for_an_index_that_is_built(
    engine: Engine, observer: Connection, open_write: Callable[[], Connection], written: str, database: str
) -> None:
    with ThreadPoolExecutor(1) as threads, open_write() as write:
        migration = threads.submit(build, engine)
        locks = locks_while_others_write(observer, migration, written, write, open_write)
        migration.result()
    assert "ShareUpdateExclusiveLock" in locks
    assert not locks & BLOCKING_WRITES
    assert invalid(observer) == []


def test_a_build_waits_for_others_without_a_limit(
    services: Services,
    observer: Connection,
    open_write: Callable[[], Connection],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for it: neither the limit of statements nor that of waits for locks holds."""
    monkeypatch.setattr("webapp.db.session_settings.SETTINGS", {"statement_timeout": "100ms", "lock_timeout": "100ms"})
    monkeypatch.setattr(concurrent_indexes, "LOCK_TIMEOUT", "100ms")
    engine = create_engine(database_url, **engine_options(database_url))
    waits = text(
        """SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INDEX CONCURRENTLY%'
           AND datname = current_database() AND clock_timestamp() - query_start > interval '0.5 s'"""
    )
    with ThreadPoolExecutor(1) as threads, open_write() as write:
        migration = threads.submit(build, engine)
        wait_for(lambda: observer.execute(waits).first() is not None)
        write.close()
        migration.result()
    assert invalid(observer) == []
    engine.dispose()


@pytest.mark.parametrize("database", LAYOUTS)
@pytest.mark.parametrize("server_goes_on", [False, True])
def test_a_killed_migration_is_repeated(
    engine: Engine,
    observer: Connection,
    open_write: Callable[[], Connection],
    database_url: str,
    database: str,
    caplog: pytest.LogCaptureFixture,
    *,
    server_goes_on: bool,
) -> None:
    downgrade(engine, "0045")
    program = (
        "import sys; from sqlalchemy import create_engine; from webapp.db.engine import engine_options\n"
        "from webapp.db.revision import upgrade; upgrade(create_engine(sys.argv[1], **engine_options(sys.argv[1])))"
    )
    with ThreadPoolExecutor(1) as threads, open_write() as write:
        killed = subprocess.Popen([sys.executable, "-c", program, database_url])
        (server,) = wait_for(lambda: waiting(observer))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        left = max(invalid(observer), key=len)  # of the partition, or of the table
        before = oid_of(observer, left)
        if server_goes_on:
            migration = threads.submit(upgrade, engine)
            wait_for(lambda: "still working on an index of " in caplog.text)
        else:
            observer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": server})
            wait_for(lambda: not waiting(observer))
            migration = threads.submit(upgrade, engine)
        write.close()
        migration.result()
    if server_goes_on:
        assert oid_of(observer, left) == before, "what the server has built for the killed migration is left"
    else:
        assert oid_of(observer, left) != before
    assert invalid(observer) == []
    assert matches_schema(engine)


@pytest.mark.parametrize("database", LAYOUTS)
def test_migrations_make_the_indexes_of_the_schema(engine: Engine, observer: Connection, database: str) -> None:
    observer.exec_driver_sql("CREATE SCHEMA expected")
    observer.exec_driver_sql("SET search_path = expected")
    schema.metadata.create_all(observer)
    expected = dict(observer.execute(DEFINITIONS, {"schema": "expected"}).all())
    observer.exec_driver_sql("DROP SCHEMA expected CASCADE")
    observer.exec_driver_sql("RESET search_path")

    def found() -> dict[str, str]:
        return dict(observer.execute(DEFINITIONS, {"schema": "public"}).all())

    assert found() == expected
    downgrade(engine, "0012" if database == "postgresql" else "0044")
    assert found() != expected
    upgrade(engine)
    assert found() == expected
    assert matches_schema(engine)


@pytest.mark.parametrize("database", ["sqlite"])
def test_sqlite_gets_the_same_indexes_again(engine: Engine, database: str) -> None:
    def found() -> dict[str, str]:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
            return {name: str(sql) for name, sql in rows}

    before = found()
    downgrade(engine, "0012")
    upgrade(engine)
    assert found() == before
    assert matches_schema(engine)


@pytest.mark.parametrize("database", LAYOUTS)
@pytest.mark.parametrize("pooled", [False, True])
def test_what_exists_is_left_and_what_is_invalid_is_built_again(
    services: Services, observer: Connection, database_url: str, database: str, *, pooled: bool
) -> None:
    engine = create_engine(database_url, **engine_options(database_url, pooled=pooled))
    build(engine)
    first = oid_of(observer, "ix_jobs_built")
    build(engine)
    assert oid_of(observer, "ix_jobs_built") == first
    observer.execute(text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = :oid"), {"oid": first})
    build(engine)
    assert invalid(observer) == []
    assert definition_of(observer, "ix_jobs_built") == "btree (created_at, id) WHERE (priority > 3)"
    engine.dispose()


@pytest.mark.parametrize("database", LAYOUTS)
@pytest.mark.parametrize("pooled", [False, True])
def test_an_index_is_replaced_by_one_with_the_same_name(
    services: Services, observer: Connection, database_url: str, database: str, *, pooled: bool
) -> None:
    engine = create_engine(database_url, **engine_options(database_url, pooled=pooled))
    build(engine)
    for where in ("priority > 4 AND type <> 'x'", "priority > 5", "priority > 4"):
        for _ in range(2):
            with migrating(engine):
                replace_index("ix_jobs_built", "jobs", ["id"], where=where)
            assert where.partition(" ")[0] in definition_of(observer, "ix_jobs_built")
    assert definition_of(observer, "ix_jobs_built") == "btree (id) WHERE (priority > 4)"
    assert definition_of(observer, "ix_jobs_built_new") == ""
    assert invalid(observer) == []
    for _ in range(2):
        with migrating(engine):
            drop_index("ix_jobs_built", "jobs")
    assert matches_schema(engine)
    engine.dispose()


def test_an_index_that_was_replaced_before_an_interruption_is_left(engine: Engine, observer: Connection) -> None:
    build(engine)
    with migrating(engine):
        replace_index("ix_jobs_built", "jobs", ["id"], where="priority > 4")
    replaced = oid_of(observer, "ix_jobs_built")
    with migrating(engine):
        replace_index("ix_jobs_built", "jobs", ["id"], where="priority > 4")
    assert oid_of(observer, "ix_jobs_built") == replaced


REPEATABLE = {"get_bind", "get_context"}  # of Alembic's operations; 0045 adds its column only if it does not exist
ADVICE = "use webapp.db.concurrent_indexes, in a migration of its own"


def script_of(revision: str) -> ast.Module:
    (script,) = (MIGRATIONS / "versions").glob(f"{revision}_*.py")
    return ast.parse(script.read_text("utf-8"))


def calls_in(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


@pytest.mark.parametrize("revision", [known for known in revisions() if known >= FIRST_CONCURRENT])
def test_indexes_of_existing_tables_are_built_concurrently(revision: str) -> None:
    script = script_of(revision)
    made = {ast.literal_eval(call.args[0]) for name, call in calls_in(script) if name == "create_table"}
    for name, call in calls_in(script):
        if name in {"create_index", "drop_index"}:
            table = call.args[1] if len(call.args) > 1 else None
            assert isinstance(table, ast.Constant), ADVICE
            assert table.value in made, ADVICE
    texts = [
        node.value.upper() for node in ast.walk(script) if isinstance(node, ast.Constant) and type(node.value) is str
    ]
    assert not [sql for sql in texts if "CREATE INDEX" in sql or "DROP INDEX" in sql], ADVICE


@pytest.mark.parametrize("revision", [known for known in revisions() if known > FIRST_CONCURRENT])
def test_migrations_of_indexes_do_nothing_that_cannot_be_repeated(revision: str) -> None:
    script = script_of(revision)
    modules = {node.module for node in script.body if isinstance(node, ast.ImportFrom)}
    if "webapp.db.concurrent_indexes" in modules:
        on_op = {
            call.func.attr
            for _, call in calls_in(script)
            if isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "op"
        }
        assert on_op <= REPEATABLE, ADVICE
