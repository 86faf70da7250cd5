"""PostgreSQL databases for tests: they are emptied and reused, because creating one takes longer than most tests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from uuid import uuid4

from sqlalchemy import Connection, create_engine, text

TEMPLATE_BY_MONTH = "template_by_month"
TEMPLATE = "template_deskjob"  # a migrated database on the server of each test process
# Everything except rows that a test can change: tables, triggers, settings, and statistics of ANALYZE
_SHAPE = text(
    """SELECT (SELECT max(oid) FROM pg_class), (SELECT count(*) FROM pg_class),
       (SELECT max(oid) FROM pg_trigger), (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),
       (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped AND attrelid >= 16384),
       (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384), (SELECT count(*) FROM pg_db_role_setting),
       (SELECT max(relpages) FROM pg_class WHERE oid >= 16384),
       (SELECT version_num FROM alembic_version)"""
)
_OTHERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
               "AND pid <> pg_backend_pid()")  # fmt: skip
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")


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
    def _shape(self) -> tuple[object, ...]:
        name = self._create()
        with _connected(in_database(self._server, name)) as connection:
            shape = tuple(connection.execute(_SHAPE).one())
        drop_database(self._server, name)
        return shape

    def _create(self) -> str:
        name = f"test_{uuid4().hex}"
        create_database(self._server, name, self._template)
        return name

    def _empty(self, name: str) -> bool:
        """Delete every row; tell whether the database is like a new one then."""
        with _connected(in_database(self._server, name)) as connection:
            while connection.execute(_OTHERS).first():
                time.sleep(0.001)
            if tuple(connection.execute(_SHAPE).one()) != self._shape:
                return False
            connection.execute(text("SET session_replication_role = replica"))  # no trigger, no foreign key
            tables = connection.execute(_TABLES).scalars().all()
            # DELETE would leave dead rows, which change the plans
            connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        return True


def in_database(server: str, name: str) -> str:
    """Return the URL of a database of the server."""
    head, _, tail = server.partition("/postgres?")
    return f"{head}/{name}?{tail}" if tail else server.rpartition("/")[0] + f"/{name}"


def create_database(server: str, name: str, template: str = "template0") -> None:
    """Create a database as a copy of another one."""
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop_database(server: str, name: str) -> None:
    """Drop a database and end its connections."""
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(server: str, statement: str) -> None:
    with _connected(server) as connection:
        connection.execute(text(statement))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
