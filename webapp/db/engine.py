"""Database access: engine options, SQLite's pragmas, connections for reads and writes, forks.

Does not know any table. Reads never take SQLite's write lock. Writes take it immediately
(``BEGIN IMMEDIATE``), so that a second writer waits instead of failing in the middle.

A connection comes from the engine's pool and is checked there: PostgreSQL is asked, unless the connection was in use a
moment ago and the server has not closed it; SQLite's file must still exist.
`sharing_reads` and `holding_connections` do that once for many statements, `without_ping` leaves it to the first one.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Pool, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from webapp.db import case_folding
from webapp.db.joined_insert import JoinedRow
from webapp.db.session_settings import startup_options
from webapp.db.sqlite_file import has_its_file, remember_file

_BUSY_TIMEOUT_SECONDS = 10
# How long PostgreSQL may take for an answer: for the first one of an idle connection, and for any other; the latter is
# longer than its own limit for statements, which leaves the connection usable
PING_SECONDS, STATEMENT_SECONDS = 5.0, 20.0
CONNECT_SECONDS = 3  # to open a connection to it; libpq takes whole seconds
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=4000")
_CACHE_KIBIBYTES = 32_000  # at most; with SQLite's default of 2,000, inserting thousands of jobs takes twice as long
_BEGIN = "BEGIN IMMEDIATE"
_JOURNALS_IN_MEMORY = "journals_in_memory"  # in the information about a connection of SQLite
_POOLED = "deskjob_pooled"  # an execution option of engines
_inherited: list[Pool] = []  # the parent's connections, in a forked child
Callback = Callable[[], None]
Step = Callable[[Connection], Callback]
_joined_steps: ContextVar[list[Callable[[Connection], object]]] = ContextVar("joined_steps", default=[])  # noqa: B039
_last_steps: WeakKeyDictionary[Connection, list[Step]] = WeakKeyDictionary()
_savepoint_sizes: WeakKeyDictionary[Connection, list[int]] = WeakKeyDictionary()  # of open savepoints
_shared: ContextVar[dict[Engine, Connection] | None] = ContextVar("shared", default=None)  # for reads
_held: ContextVar[dict[Engine, Connection] | None] = ContextVar("held", default=None)  # for transactions
_pings: ContextVar[bool] = ContextVar("pings", default=True)


def engine_options(url: str, *, pooled: bool = False) -> dict[str, Any]:
    """Return the keyword arguments of ``create_engine`` for ``url``.

    With ``pooled``, a pooler gives each transaction any of its connections to the server, so nothing is set for a
    session (see `webapp.db.session_settings`) and no statement is prepared in one.
    The number of threads limits the number of connections. Another limit would make threads that hold a connection
    wait for each other's second one.
    """
    if url.startswith("sqlite"):
        in_a_file = url.startswith("sqlite:///")  # the pool of a database in memory has no such option
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_SECONDS}, **({"max_overflow": -1} if in_a_file else {})}
    return {
        "max_overflow": -1,
        "execution_options": {_POOLED: pooled},
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "client_encoding": "utf8",
            **({"prepare_threshold": None} if pooled else {"options": startup_options()}),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 5000,
        },
    }


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for reads: each statement runs outside any transaction."""
    shared = _shared.get()
    if shared is None:
        with _reader(engine) as connection:
            yield connection
        return
    if engine not in shared:
        shared[engine] = _reader(engine)
    try:
        yield shared[engine]
    except DBAPIError:  # a broken connection must not be used by later reads
        if (broken := shared.pop(engine, None)) is not None:
            broken.close()
        raise


@contextmanager
def sharing_reads() -> Iterator[None]:
    """Let all blocks of `reading` within this one share one connection per engine.

    The connection is taken from the pool and checked once. Meant for code with many small reads, such as
    a page; writes still use separate connections.
    """
    shared: dict[Engine, Connection] = {}
    token = _shared.set(shared)
    try:
        yield
    finally:
        _shared.reset(token)
        for connection in shared.values():
            connection.close()


def release_shared_reads() -> None:
    """Return the connections of `sharing_reads` to their pools; the next read takes another one.

    For code that waits for something other than the database, outside any block of `reading`.
    """
    shared = _shared.get() or {}
    while shared:
        shared.popitem()[1].close()


@contextmanager
def without_ping() -> Iterator[None]:
    """Take idle connections from the pool without asking the server first whether they still work.

    Their first statement shows that, and the server has as long for it as for a ping. For a few short statements that
    somebody waits for. The caller must repeat what failed outside this block.
    """
    token = _pings.set(False)
    try:
        yield
    finally:
        _pings.reset(token)


@contextmanager
def holding_connections() -> Iterator[None]:
    """Let reads, and transactions too, share one connection per engine, for a process that works in a loop.

    A connection that breaks is noticed by the error of its next statement, so the caller must repeat what failed
    (`webapp.db.retry`). Code that can be interrupted anywhere must run in `own_connections`.
    """
    held: dict[Engine, Connection] = {}
    token = _held.set(held)
    try:
        with sharing_reads():
            yield
    finally:
        _held.reset(token)
        for connection in held.values():
            connection.close()


class own_connections:  # noqa: N801  (used like a function, and by every job: so it is no generator)
    """Take connections from the pool again, within a block of `holding_connections`."""

    __slots__ = ("_tokens",)

    def __enter__(self) -> None:
        """Forget the held connections."""
        self._tokens = _shared.set(None), _held.set(None)

    def __exit__(self, *_: object) -> None:
        """Use them again."""
        shared, held = self._tokens
        _shared.reset(shared)
        _held.reset(held)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    held = _held.get()
    if held is None or (engine in held and held[engine].in_transaction()):
        with engine.begin() as connection:
            yield connection
        return
    if engine in held and not has_its_file(held[engine].info):
        held.pop(engine).close()
    if engine not in held:
        held[engine] = engine.connect()
        _keep_journals_in_memory(held[engine])
    connection = held[engine]
    try:
        with connection.begin():
            yield connection
    except DBAPIError:
        held.pop(engine).close()
        raise


def _keep_journals_in_memory(connection: Connection) -> None:
    """Let SQLite keep in memory what a failed statement needs to be undone, until this connection is released.

    It would create a temporary file for each statement that ends ten jobs. Other connections may sort whole tables,
    for which they do need files.
    """
    if is_sqlite(connection.engine):
        connection.connection.dbapi_connection.execute("PRAGMA temp_store=MEMORY")  # type: ignore[union-attr]
        connection.info[_JOURNALS_IN_MEMORY] = True


def _reader(engine: Engine) -> Connection:
    if is_sqlite(engine):
        return engine.connect().execution_options(lone_statements=True)
    if engine.get_execution_options().get("postgresql_readonly"):  # that holds in transactions only
        return engine.connect()
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction: committed at the end of the block, rolled back if the block raises."""
    joined_steps = _joined_steps.get()
    with _transaction(engine) as connection:
        yield connection
        for step in joined_steps:
            step(connection)
        callbacks = _run_last_steps(connection)
    joined_steps.clear()
    for callback in callbacks:
        callback()


@contextmanager
def in_next_transaction(step: Callable[[Connection], object]) -> Iterator[None]:
    """Call ``step`` at the end of the first `writing` transaction in the block, so both are committed or neither.

    For recording a change (in the audit log) without the changing code knowing about it. If the block
    writes nothing, ``step`` is not called.
    """
    token = _joined_steps.set([step])
    try:
        yield
    finally:
        _joined_steps.reset(token)


@contextmanager
def taking_joined_row() -> Iterator[JoinedRow | None]:
    """Take the row of `in_next_transaction` out of the block's transaction: the block inserts it with its own change.

    If the block raises, the row is still to be inserted. Without a row, or with another step, this changes nothing.
    """
    steps = _joined_steps.get()
    if len(steps) != 1 or not isinstance(steps[0], JoinedRow):
        yield None
        return
    token = _joined_steps.set([])
    try:
        yield steps[0]
    finally:
        _joined_steps.reset(token)
    steps.clear()


@contextmanager
def writing_autocommit(engine: Engine) -> Iterator[Connection]:
    """Open a connection for a single-statement write: on PostgreSQL without an explicit transaction.

    This saves two round trips compared to `writing`. SQLite has no round trips, so it uses `writing`, and so does a
    write with steps of `in_next_transaction`.
    """
    if is_sqlite(engine) or _joined_steps.get():
        with writing(engine) as connection:
            yield connection
        return
    with reading(engine) as connection:
        yield connection
        callbacks = _run_last_steps(connection)
    for callback in callbacks:
        callback()


def before_commit(connection: Connection, step: Step) -> None:
    """Call ``step`` at the end of the transaction, and the callback that it returns after the commit.

    Neither is called if the transaction, or the savepoint in which this was called, is rolled back.
    Only for connections of `writing` and `writing_autocommit`. ``step`` receives the connection, so that
    it does not have to keep a reference.
    """
    _last_steps.setdefault(connection, []).append(step)


def _run_last_steps(connection: Connection) -> list[Callback]:
    return [step(connection) for step in _last_steps.pop(connection, ())] if _last_steps else []


def read_only(engine: Engine) -> Engine:
    """Return a second engine on the same database that rejects writes."""
    pooled = is_pooled(engine)
    options = engine_options(engine.url.render_as_string(hide_password=False), pooled=pooled)
    if pooled:
        options["execution_options"]["postgresql_readonly"] = True
    elif not is_sqlite(engine):
        options["connect_args"]["options"] += " -c default_transaction_read_only=on"
    second = create_engine(engine.url, **options)
    if is_sqlite(engine):
        event.listen(second, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    return second


def limit_page_cache(engine: Engine, kibibytes: int) -> None:
    """Let each new connection to SQLite keep at most so much of the file in memory, instead of `_CACHE_KIBIBYTES`.

    For processes with many threads. Nothing changes on PostgreSQL.
    """
    if is_sqlite(engine):
        event.listen(engine, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size=-{kibibytes}"))


def lift_time_limit(connection: Connection) -> None:
    """Let this transaction take as long as it needs; the connection does not return to its pool.

    A connection of `reading` begins a transaction here. For migrations and checks, which go through whole tables.
    """
    if is_sqlite(connection.engine):
        return
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        connection.execution_options(isolation_level="READ COMMITTED")
    _lift_limits(connection, "LOCAL")
    connection.detach()


@contextmanager
def unlimited_session(engine: Engine) -> Iterator[Connection]:
    """Open a connection to PostgreSQL whose statements take as long as they need, in transactions and outside them.

    It does not return to its pool. Not behind a pooler, which would give the session to others.
    """
    with engine.connect() as connection:
        try:
            _lift_limits(connection, "SESSION")
            connection.commit()
            yield connection
        finally:
            if not connection.invalidated:
                connection.detach()


def _lift_limits(connection: Connection, scope: str) -> None:
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET {scope} {limit} = 0")
    connection.connection.driver_connection.answer_seconds = None  # type: ignore[union-attr]


def forget_inherited_connections(engine: Engine) -> None:
    """Drop the parent's connections without closing them; call this first in a forked child."""
    _inherited.append(engine.pool)  # or the garbage collector would close those of SQLite, at any time
    engine.dispose(close=False)


@event.listens_for(Engine, "connect")
def _set_pragmas(connection: Any, record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions are started explicitly, in `_begin`
    for pragma in (*_PRAGMAS, f"cache_size=-{_CACHE_KIBIBYTES}"):
        connection.execute(f"PRAGMA {pragma}")
    remember_file(connection, record.info)
    case_folding.add_to_sqlite(connection)


@event.listens_for(Engine, "do_connect")
def _connect_with_limits(dialect: Any, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Any:
    if dialect.name != "postgresql":
        return None
    from webapp.db.bounded_connection import connect  # noqa: PLC0415  (processes on SQLite never load the driver)

    return connect(*arguments, **parameters)


@event.listens_for(Engine, "checkout")
def _check_connection(connection: Any, _record: object, _proxy: object) -> None:
    """Ask the server first if the connection was idle; drop all of them if it does not answer."""
    if hasattr(connection, "answer_seconds"):
        if not _pings.get() and not connection.closed:
            return
        if not connection.answers():
            raise InvalidatePoolError
        connection.answer_seconds = STATEMENT_SECONDS


@event.listens_for(Engine, "checkin")
def _allow_only_a_ping(connection: Any, _record: object) -> None:
    if hasattr(connection, "answer_seconds"):
        connection.answer_seconds = PING_SECONDS
        connection.used_at = monotonic()


@event.listens_for(Engine, "checkin")
def _use_temporary_files(connection: Any, record: Any) -> None:
    if record.info.pop(_JOURNALS_IN_MEMORY, False) and connection is not None:  # None: it was broken
        connection.execute("PRAGMA temp_store=DEFAULT")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if is_sqlite(connection.engine) and not connection.get_execution_options().get("lone_statements"):
        # not by SQLAlchemy's own execution, which would take as long as the insert of a row
        begin_transaction = connection.connection.dbapi_connection.execute  # type: ignore[union-attr]
        try:
            begin_transaction(_BEGIN)
        except sqlite3.Error as error:
            raise DBAPIError.instance(_BEGIN, None, error, sqlite3.Error, dialect=connection.dialect) from error


@event.listens_for(Engine, "savepoint")
def _remember_steps(connection: Connection, _name: str | None) -> None:
    _savepoint_sizes.setdefault(connection, []).append(len(_last_steps.get(connection, ())))


@event.listens_for(Engine, "release_savepoint")
def _keep_steps(connection: Connection, _name: str, _context: None) -> None:
    _savepoint_sizes[connection].pop()


@event.listens_for(Engine, "rollback_savepoint")
def _forget_steps(connection: Connection, _name: str, _context: None) -> None:
    before = _savepoint_sizes[connection].pop()
    if steps := _last_steps.get(connection):
        del steps[before:]


def is_pooled(engine: Engine) -> bool:
    """Return whether a pooler is between this engine and PostgreSQL."""
    return bool(engine.get_execution_options().get(_POOLED))


def is_sqlite(engine: Engine) -> bool:
    """Return whether the database is SQLite (otherwise it is PostgreSQL)."""
    return engine.dialect.name == "sqlite"
