"""How the database is opened: engine options, SQLite's pragmas, reads and writes, forks.

Knows no table. Reads never take SQLite's write lock; writes take it at once
(``BEGIN IMMEDIATE``), so that two writers queue up instead of failing half-way.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

_BUSY_TIMEOUT_SECONDS = 10
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=4000")
_CACHE_KIBIBYTES = 32_000  # at most; with the 2,000 of SQLite itself, thousands of new jobs take almost twice as long
Act = Callable[[], None]
Step = Callable[[Connection], Act]
_beside: ContextVar[list[Callable[[Connection], object]]] = ContextVar("beside", default=[])  # noqa: B039
_last_steps: WeakKeyDictionary[Connection, list[Step]] = WeakKeyDictionary()
_steps_before: WeakKeyDictionary[Connection, list[int]] = WeakKeyDictionary()  # each open savepoint
_shared: ContextVar[dict[Engine, Connection] | None] = ContextVar("shared", default=None)


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments of ``create_engine`` for ``url``."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_SECONDS}}
    return {
        "pool_pre_ping": True,
        "connect_args": {
            "connect_timeout": 3,
            # a beat that hangs longer than its lease would get a healthy job killed; and what a
            # frozen process has locked must be free again before its lease is over
            "options": "-c statement_timeout=15000 -c lock_timeout=4000 "
            "-c idle_in_transaction_session_timeout=10000 -c timezone=UTC "
            # as for a disk that spins, walks of a wrong index that lies in the table's order look cheaper
            "-c random_page_cost=1.1",
            "keepalives_idle": 5,
            "tcp_user_timeout": 5000,
        },
    }


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection on which each statement stands for itself, outside any transaction."""
    shared = _shared.get()
    if shared is None:
        with _reader(engine) as connection:
            yield connection
        return
    if engine not in shared:
        shared[engine] = _reader(engine)
    try:
        yield shared[engine]
    except DBAPIError:  # a broken connection would stay broken for all who come after
        if (broken := shared.pop(engine, None)) is not None:
            broken.close()
        raise


@contextmanager
def sharing_reads() -> Iterator[None]:
    """Have all blocks of `reading` in this one share a connection of each engine.

    It is taken from the pool, and asked whether it still lives, once. For what reads a few rows
    here and a few there, as a page does; what is written takes a connection of its own as ever.
    """
    shared: dict[Engine, Connection] = {}
    token = _shared.set(shared)
    try:
        yield
    finally:
        _shared.reset(token)
        for connection in shared.values():
            connection.close()


def _reader(engine: Engine) -> Connection:
    option = {"lone_statements": True} if is_sqlite(engine) else {"isolation_level": "AUTOCOMMIT"}
    return engine.connect().execution_options(**option)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one transaction: committed at the end of the block, undone if it raises."""
    beside = _beside.get()
    with engine.begin() as connection:
        yield connection
        for step in beside:
            step(connection)
        acts = _last_acts(connection)
    beside.clear()
    for act in acts:
        act()


@contextmanager
def in_next_transaction(step: Callable[[Connection], object]) -> Iterator[None]:
    """Have ``step`` called at the end of the first transaction of `writing` in the block: both are kept, or neither.

    For what is to be noted of a change by somebody whom the change need not know. A block that
    writes nothing notes nothing.
    """
    token = _beside.set([step])
    try:
        yield
    finally:
        _beside.reset(token)


@contextmanager
def writing_autocommit(engine: Engine) -> Iterator[Connection]:
    """Open what a write needs that PostgreSQL does in one statement: there, no transaction around it.

    Two round trips less than `writing`; SQLite has no round trips and no such statements.
    """
    if is_sqlite(engine):
        with writing(engine) as connection:
            yield connection
        return
    with reading(engine) as connection:
        yield connection
        acts = _last_acts(connection)
    for act in acts:
        act()


def before_commit(connection: Connection, step: Step) -> None:
    """Have ``step`` called when all else of the transaction is done, and what it returns after the commit.

    Neither is called when the transaction, or the savepoint in which this was said, is undone.
    Only for connections of `writing` and `writing_autocommit`; ``step`` is given the connection, so
    that it need not hold it.
    """
    _last_steps.setdefault(connection, []).append(step)


def _last_acts(connection: Connection) -> list[Act]:
    return [step(connection) for step in _last_steps.pop(connection, ())] if _last_steps else []


def read_only(engine: Engine) -> Engine:
    """Return a second engine on the same database, which refuses to write to it."""
    options = engine_options(engine.url.render_as_string(hide_password=False))
    if not is_sqlite(engine):
        options["connect_args"]["options"] += " -c default_transaction_read_only=on"
    second = create_engine(engine.url, **options)
    if is_sqlite(engine):
        event.listen(second, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    return second


def forget_inherited_connections(engine: Engine) -> None:
    """Call first in a forked child: its parent's connections stay its parent's."""
    engine.dispose(close=False)


@event.listens_for(Engine, "connect")
def _set_pragmas(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions begin where we say so, below
    for pragma in (*_PRAGMAS, f"cache_size=-{_CACHE_KIBIBYTES}"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if is_sqlite(connection.engine) and not connection.get_execution_options().get("lone_statements"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@event.listens_for(Engine, "savepoint")
def _remember_steps(connection: Connection, _name: str | None) -> None:
    _steps_before.setdefault(connection, []).append(len(_last_steps.get(connection, ())))


@event.listens_for(Engine, "release_savepoint")
def _keep_steps(connection: Connection, _name: str, _context: None) -> None:
    _steps_before[connection].pop()


@event.listens_for(Engine, "rollback_savepoint")
def _forget_steps(connection: Connection, _name: str, _context: None) -> None:
    before = _steps_before[connection].pop()
    if steps := _last_steps.get(connection):
        del steps[before:]


def is_sqlite(engine: Engine) -> bool:
    """Tell the two databases apart."""
    return engine.dialect.name == "sqlite"
