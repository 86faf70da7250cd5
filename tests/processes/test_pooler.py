"""Deskjob behind PgBouncer in transaction mode, in which nothing holds that is set for a session."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.exc import DBAPIError, InternalError

from benchmarks.chaos.postgresql import PostgreSQL
from tests.databases import create_database, drop_database
from tests.installation import installed, wait_for
from tests.pgbouncer import CONNECTIONS, PGBOUNCER, PgBouncer
from webapp.config import Unready, load
from webapp.db import session_settings
from webapp.db.engine import engine_options, lift_time_limit, read_only, reading, writing, writing_autocommit
from webapp.jobs.model.job import Status
from webapp.processes import bootstrap, preflight
from webapp.schema import disabled_types, now
from webapp.services import Services

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None, reason="PgBouncer is not installed: install it (Debian: apt install pgbouncer) to run this test."
)
ROLE = "pooled"


@pytest.fixture(scope="module")
def pgbouncer(postgresql: PostgreSQL) -> Iterator[PgBouncer]:
    _execute(postgresql.url, f"CREATE ROLE {ROLE} LOGIN")
    pooler = PgBouncer(postgresql.url, ROLE)
    yield pooler
    pooler.close()
    _execute(postgresql.url, f"DROP ROLE {ROLE}")


@pytest.fixture
def database_name(postgresql: PostgreSQL, pgbouncer: PgBouncer) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    create_database(postgresql.url, name)
    _execute(postgresql.url, f"ALTER DATABASE {name} OWNER TO {ROLE}")
    yield name
    drop_database(postgresql.url, name)


@pytest.fixture
def ready_database(database_name: str, pgbouncer: PgBouncer) -> str:
    """Return the URL of a database whose role has the settings."""
    url = pgbouncer.url(database_name)
    _execute(url, *session_settings.role_statements(ROLE, database_name).strip(";").split("; "))
    pgbouncer.kill()  # its connections have the old settings
    pgbouncer.start()
    return url


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def services_at(url: str, folder: Path, *, pooled: bool = True) -> Services:
    settings = load(data_dir=folder, database_url=url, secret_key="k" * 32, database_pooled=pooled)
    return Services(settings, create_engine(url, **engine_options(url, pooled=pooled)))


def test_an_unknown_pooler_is_named_with_the_setting_for_it(
    database_name: str, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    with pytest.raises(Unready, match="set DESKJOB_DATABASE_POOLED=true"):
        bootstrap.migrate(services_at(pgbouncer.url(database_name), tmp_path, pooled=False))


def test_a_role_without_the_settings_is_refused_with_the_statements_that_help(
    database_name: str, pgbouncer: PgBouncer, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    services = services_at(pgbouncer.url(database_name), tmp_path)
    with pytest.raises(Unready) as refused:
        bootstrap.migrate(services)
    sentence, statements = str(refused.value).split("in the pooler: ")
    assert "statement_timeout, lock_timeout, idle_in_transaction_session_timeout" in sentence
    _execute(pgbouncer.url(database_name), *statements.strip(";").split("; "))
    pgbouncer.kill()
    pgbouncer.start()
    bootstrap.migrate(services)
    preflight.require_tables(services)
    services.engine.dispose()


def test_limits_hold_and_can_be_lifted_for_one_transaction(ready_database: str, tmp_path: Path) -> None:
    engine = services_at(ready_database, tmp_path).engine
    with reading(engine) as connection:
        lift_time_limit(connection)
        for _ in range(2 * CONNECTIONS):
            assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
    for _ in range(2 * CONNECTIONS):
        with reading(engine) as connection:
            assert connection.execute(text("SHOW statement_timeout")).scalar() == "15s"
    engine.dispose()


def test_an_engine_for_reads_refuses_writes(ready_database: str, tmp_path: Path) -> None:
    services = services_at(ready_database, tmp_path)
    bootstrap.migrate(services)
    reader, row = read_only(services.engine), insert(disabled_types).values(name="any", disabled_at=now())
    for block in (reading, writing, writing_autocommit):
        with pytest.raises(InternalError, match="read-only"), block(reader) as connection:
            connection.execute(row)
    with writing(services.engine) as connection:
        connection.execute(row)
    reader.dispose()
    services.engine.dispose()


def test_jobs_run_behind_a_pooler_that_is_restarted(
    ready_database: str, pgbouncer: PgBouncer, sqlite_template: Path, valkey_url: str, tmp_path: Path
) -> None:
    bootstrap.migrate(services_at(ready_database, tmp_path))
    with installed(sqlite_template, valkey_url, ready_database, pooled=True) as installation:
        installation.start("clock")
        installation.start("worker", "--workers", "2")
        first = [installation.job("quick") for _ in range(20)]
        for job in first:
            installation.await_status(job, Status.COMPLETED)
        pgbouncer.kill()
        with pytest.raises(DBAPIError):
            installation.job("quick")
        pgbouncer.start()
        second = [installation.job("quick") for _ in range(20)]
        for job in second:
            installation.await_status(job, Status.COMPLETED)
        wait_for(lambda: installation.start("verify").wait() == 0)
