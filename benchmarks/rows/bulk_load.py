"""Fill an empty installation on PostgreSQL with millions of jobs in a few minutes.

Triggers are off and secondary indexes are dropped while rows are written; then the indexes are created again as they
were, so the result is what the product itself would have made. Two connections share the work.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import local
from time import perf_counter, time
from uuid import UUID

import psycopg

from benchmarks.rows import job_history
from webapp.services import Services

_CONNECTIONS = 2
_AT_ONCE = 500_000  # jobs per statement
_FOR_SESSION = (
    "SET session_replication_role = replica",  # no trigger, no foreign key is checked
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '512MB'",
    "SET work_mem = '256MB'",
    "SET jit = off",
)
_FOR_SERVER = {"max_wal_size": "'4GB'", "checkpoint_timeout": "'30min'", "fsync": "off", "autovacuum": "off"}
_INDEXES = """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY(%s::text[]::regclass[]) AND NOT indisprimary ORDER BY indrelid = 'jobs'::regclass DESC, 1"""
_SEQUENCES = """SELECT setval(pg_get_serial_sequence('events', 'id'), (SELECT max(id) FROM events))"""


@dataclass
class _Connections:
    """Connections to one server, one for each thread."""

    address: str
    opened: list[psycopg.Connection] = field(default_factory=list)
    _own: local = field(default_factory=local)

    def run(self, statement: str) -> None:
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(self.address, autocommit=True)
            self.opened.append(self._own.connection)
            for setting in _FOR_SESSION:
                self._own.connection.execute(setting)
        self._own.connection.execute(statement)


def fill(services: Services, rows: int, owner_ids: Sequence[UUID]) -> None:
    """Create ``rows`` jobs with their history; a multiple of 100."""
    address = services.settings.database.replace("+psycopg", "")
    began, now = perf_counter(), time()
    statements = dict(job_history.statements(rows, now, owner_ids))
    with _server_for_loading(address) as server:
        indexes = server.execute(_INDEXES, [list(statements)]).fetchall()
        for name, _definition in indexes:
            server.execute(f"DROP INDEX {name}")
        _in_parallel(address, [_filling(statement, rows) for statement in statements.values()])
        server.execute(_SEQUENCES)
        _report(rows, "rows", began)
        _in_parallel(address, [[definition] for _name, definition in indexes])
        _report(rows, "indexes", began)
        # after the indexes, which the examples of errors need
        rollups = [_bounded(statement, 1, rows) for statement in job_history.rollups(rows, now, owner_ids)]
        _in_parallel(address, [rollups, *([f"VACUUM ANALYZE {name}"] for name in statements)])
        server.execute("ANALYZE")
        _report(rows, "rollups and statistics", began)


@contextmanager
def _server_for_loading(address: str) -> Iterator[psycopg.Connection]:
    """Yield a connection; while it is open, the server does not wait for the disk."""
    with psycopg.connect(address, autocommit=True) as server:
        for name, value in _FOR_SERVER.items():
            server.execute(f"ALTER SYSTEM SET {name} = {value}")
        server.execute("SELECT pg_reload_conf()")
        yield server
        for name in _FOR_SERVER:
            server.execute(f"ALTER SYSTEM RESET {name}")
        server.execute("SELECT pg_reload_conf()")
        server.execute("CHECKPOINT")
    os.sync()  # what was written without waiting for the disk would slow down every commit that is measured


def _filling(statement: str, rows: int) -> list[str]:
    starts = range(1, rows + 1, _AT_ONCE)
    return [_bounded(statement, first, min(first + _AT_ONCE - 1, rows)) for first in starts]


def _bounded(statement: str, first: int, last: int) -> str:
    return statement.replace(":first", str(first)).replace(":last", str(last))


def _in_parallel(address: str, tasks: Sequence[Sequence[str]]) -> None:
    """Run each list of statements in order, several lists at the same time."""
    connections = _Connections(address)

    def work(statements: Sequence[str]) -> None:
        for statement in statements:
            connections.run(statement)

    pool = ThreadPoolExecutor(_CONNECTIONS)
    try:
        for done in as_completed([pool.submit(work, statements) for statements in tasks]):
            done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for connection in connections.opened:
            connection.cancel()
        pool.shutdown()
        for connection in connections.opened:
            connection.close()


def _report(rows: int, what: str, began: float) -> None:
    print(f"  {rows:,} jobs: {what} after {perf_counter() - began:.0f} s", flush=True)
