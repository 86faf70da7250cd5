"""Cursors: how far each rollup has read, and how far it can read without missing uncommitted rows.

On SQLite the transaction that moves a cursor is the only writer. On PostgreSQL an open transaction can commit rows with
earlier times, so a rollup stops before the oldest writing transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import is_sqlite, reading, writing
from webapp.schema import cursors, database_time, events, now

# a time can be taken shortly before its transaction is visible as a writer
CAUTION_SECONDS = 1.0
# a transaction that wrote nothing for 30 s only reads: statements are limited to 15 s
_OLDEST_WRITER = text(
    """SELECT coalesce(min(xact_start), clock_timestamp()) - make_interval(secs => :caution) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
       AND (backend_xid IS NOT NULL OR xact_start > clock_timestamp() - interval '30 seconds')"""
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a rollup has read: all events up to ``event_id``, or everything before ``moment``."""

    event_id: int
    moment: datetime | None


@contextmanager
def lock_cursor(engine: Engine, name: str) -> Iterator[tuple[Connection, Cursor]]:
    """Open a transaction that holds the lock of a cursor, and yield both."""
    _ensure_exists(engine, name)
    with writing(engine) as connection:
        row = connection.execute(select(cursors).where(cursors.c.name == name).with_for_update()).one()
        yield connection, Cursor(row.event_id, row.moment)


def move_cursor(
    connection: Connection, name: str, *, event_id: int | None = None, moment: datetime | None = None
) -> None:
    """Move a cursor; without a position, only record that the rollup ran."""
    position = {"event_id": event_id, "moment": moment}
    values = {key: value for key, value in position.items() if value is not None}
    connection.execute(update(cursors).where(cursors.c.name == name).values(**values, moved_at=now()))


def settled_before(connection: Connection) -> datetime:
    """Return a time before which no more rows will appear."""
    if is_sqlite(connection.engine):
        return database_time(connection)
    found: datetime = connection.execute(_OLDEST_WRITER, {"caution": CAUTION_SECONDS}).scalar_one()
    return found


def last_settled_event(connection: Connection, after: int, limit: int) -> int:
    """Return the last of the next ``limit`` events before `settled_before`; ``after`` if there are none."""
    following = select(events.c.id, events.c.at).where(events.c.id > after).order_by(events.c.id).limit(limit)
    if is_sqlite(connection.engine):
        return connection.execute(select(func.max(following.subquery().c.id))).scalar() or after
    end = settled_before(connection)
    last = after
    for event_id, at in connection.execute(following):
        if at >= end:
            break
        last = event_id
    return last


def _ensure_exists(engine: Engine, name: str) -> None:
    with reading(engine) as connection:
        if connection.execute(select(cursors.c.name).where(cursors.c.name == name)).first():
            return
    try:
        with writing(engine) as connection:
            connection.execute(insert(cursors).values(name=name, moved_at=now()))
    except IntegrityError:
        return  # another clock was first


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changes: Mapping[str, str] | None = None
) -> None:
    """Insert rows; on a conflict apply ``changes``, which map a column to ``add`` or ``replace``."""
    if not rows:
        return
    dialect = sqlite if is_sqlite(connection.engine) else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    keys = list(table.primary_key.columns)
    if not changes:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), list(rows))
        return
    values: dict[str, ColumnElement[Any]] = {
        name: table.c[name] + new[name] if how == "add" else new[name] for name, how in changes.items()
    }
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))
