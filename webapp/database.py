"""How the database is opened: engine options, SQLite's pragmas, reads and writes, forks.

Knows no table. Reads never take SQLite's write lock; writes take it at once
(``BEGIN IMMEDIATE``), so that two writers queue up instead of failing half-way.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_BUSY_TIMEOUT_SECONDS = 10


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments of ``create_engine`` for ``url``."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_SECONDS}}
    return {
        "pool_pre_ping": True,
        "connect_args": {
            "connect_timeout": 3,
            # a beat that hangs longer than its lease would get a healthy job killed
            "options": "-c statement_timeout=15000 -c lock_timeout=4000 "
            "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC",
            "keepalives_idle": 5,
            "tcp_user_timeout": 5000,
        },
    }


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection on which each statement stands for itself, outside any transaction."""
    with engine.connect() as connection:
        option = {"lone_statements": True} if is_sqlite(engine) else {"isolation_level": "AUTOCOMMIT"}
        yield connection.execution_options(**option)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one transaction: committed at the end of the block, undone if it raises."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def writing_at_once(engine: Engine) -> Iterator[Connection]:
    """Open what a write needs that PostgreSQL does in one statement: there, no transaction around it.

    Two round trips less than `writing`; SQLite has no round trips and no such statements.
    """
    with writing(engine) if is_sqlite(engine) else reading(engine) as connection:
        yield connection


def forget_inherited_connections(engine: Engine) -> None:
    """Call first in a forked child: its parent's connections stay its parent's."""
    engine.dispose(close=False)


@event.listens_for(Engine, "connect")
def _set_pragmas(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions begin where we say so, below
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if is_sqlite(connection.engine) and not connection.get_execution_options().get("lone_statements"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_sqlite(engine: Engine) -> bool:
    """Tell the two databases apart."""
    return engine.dialect.name == "sqlite"
