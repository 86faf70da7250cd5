"""The databases of tests, copied from a migrated one: a SQLite file for each test, and PostgreSQL databases.

Those of PostgreSQL are emptied and reused, because creating one takes longer than most tests.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection, connect
from sqlalchemy import create_engine, make_url

from webapp.app import create_app
from webapp.config import load
from webapp.db.revision import upgrade
from webapp.jobs.maintenance.month_partitions import divide_by_month

BY_MONTH = "postgresql by month"  # with partitions; only in modules that are marked as `partitions`
DATABASES = ("sqlite", "postgresql", BY_MONTH)
TEMPLATE_BY_MONTH = "template_by_month"
TEMPLATE = "template_deskjob"  # a migrated database on the server of each test process
# Everything except rows that a test can change: tables, triggers, settings, and statistics of ANALYZE
_SHAPE = """
    SELECT (SELECT max(oid) FROM pg_class), (SELECT count(*) FROM pg_class),
    (SELECT max(oid) FROM pg_trigger), (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),
    (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped AND attrelid >= 16384),
    (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384), (SELECT count(*) FROM pg_db_role_setting),
    (SELECT max(relpages) FROM pg_class WHERE oid >= 16384),
    (SELECT version_num FROM alembic_version)
"""
_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Emptying a table takes as long without rows as with some, and most tests write to few tables
_WRITTEN_TABLES = """
    SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
"""
_RESTART_SEQUENCES = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


class Databases:
    """The databases of one server: copies of one migrated template."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._spare: str | None = None

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the URL of an empty, migrated database, which no other test uses at the same time."""
        name, self._spare = self._spare or self._create(), None
        yield in_database(self._server, name)
        if self._spare is None and self._empty(name):
            self._spare = name
        else:
            drop_database(self._server, name)

    @cached_property
    def _shape(self) -> tuple[object, ...] | None:
        name = self._create()
        with _connected(in_database(self._server, name)) as connection:
            shape = connection.execute(_SHAPE).fetchone()
        drop_database(self._server, name)
        return shape

    def _create(self) -> str:
        name = f"test_{uuid4().hex}"
        create_database(self._server, name, self._template)
        return name

    def _empty(self, name: str) -> bool:
        """Delete every row; tell whether the database is like a new one then."""
        with _connected(in_database(self._server, name)) as connection:
            while connection.execute(_OTHERS).fetchone():
                time.sleep(0.001)
            if connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            _delete_rows(connection)
        return True


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Run the test on each database with `--all`; by default on SQLite, and in `dialect` modules on each in turn."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty, migrated database: SQLite, or the one that the `database` fixture names."""
    name = request.getfixturevalue("database") if "database" in request.fixturenames else "sqlite"
    if name == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "deskjob.sqlite3")
        yield f"sqlite:///{tmp_path / 'deskjob.sqlite3'}"
        return
    databases = request.getfixturevalue("divided_databases" if name == BY_MONTH else "postgresql_databases")
    with databases.lend() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(shared_folder: Path) -> Path:
    """Return a migrated database to copy; the first process that needs it creates it."""
    folder = shared_folder / "sqlite"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "template.sqlite3").exists():
            migrated(f"sqlite:///{folder / 'migrating.sqlite3'}", folder)
            (folder / "migrating.sqlite3").rename(folder / "template.sqlite3")
    return folder / "template.sqlite3"


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Databases:
    return Databases(postgresql_server, TEMPLATE)


@pytest.fixture(scope="session")
def divided_databases(postgresql_server: str) -> Databases:
    """Return databases whose tables have partitions by month."""
    create_database(postgresql_server, TEMPLATE_BY_MONTH, TEMPLATE)
    engine = create_engine(in_database(postgresql_server, TEMPLATE_BY_MONTH))
    with engine.begin() as connection:
        assert divide_by_month(connection)
    engine.dispose()
    make_template(in_database(postgresql_server, TEMPLATE_BY_MONTH))
    return Databases(postgresql_server, TEMPLATE_BY_MONTH)


def migrated(url: str, folder: Path) -> None:
    app = create_app(load(data_dir=folder, database_url=url))
    with app.app_context():
        upgrade(app.extensions["deskjob"].engine)
        app.extensions["deskjob"].engine.dispose()


def in_database(server: str, name: str) -> str:
    """Return the URL of a database of the server."""
    head, _, tail = server.partition("/postgres?")
    return f"{head}/{name}?{tail}" if tail else server.rpartition("/")[0] + f"/{name}"


def make_template(url: str) -> None:
    """Empty a migrated database; otherwise its indexes are larger than those of its copies once these are emptied."""
    with _connected(url) as connection:
        _delete_rows(connection)
        connection.execute("CHECKPOINT")  # commits do not wait for the disk, and the server may crash next


def _delete_rows(connection: Connection[Any]) -> None:
    connection.execute("SET session_replication_role = replica")  # no trigger, no foreign key
    if tables := [table for (table,) in connection.execute(_WRITTEN_TABLES)]:
        # DELETE would leave dead rows, which change the plans
        connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
    connection.execute(_RESTART_SEQUENCES)


def create_database(server: str, name: str, template: str = "template0") -> None:
    """Create a database as a copy of another one."""
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop_database(server: str, name: str) -> None:
    """Drop a database and end its connections."""
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(server: str, statement: str) -> None:
    with _connected(server) as connection:
        connection.execute(statement)


@contextmanager
def _connected(url: str) -> Iterator[Connection[Any]]:
    """Yield a connection without an engine, which would ask the server about itself first."""
    with connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.autocommit = True
        yield connection
