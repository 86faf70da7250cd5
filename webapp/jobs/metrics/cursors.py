"""How far each figure has got, and how far it may go: never past what somebody is still writing.

On SQLite whoever moves a cursor is the only writer. On PostgreSQL a transaction that has not
committed may hold moments of the past, so a figure stops before the oldest one that writes.

Adding to sums that may be there already.
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
from webapp.schema import cursors, events, now

# a moment may be taken shortly before its transaction shows that it writes
CAUTION_SECONDS = 1.0
# one that has written nothing for so long only reads: a statement of ours may take 15 s
_OLDEST_WRITER = text(
    """SELECT coalesce(min(xact_start), clock_timestamp()) - make_interval(secs => :caution) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
       AND (backend_xid IS NOT NULL OR xact_start > clock_timestamp() - interval '30 seconds')"""
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a figure stands: all events up to ``event_id``, or all moments before ``moment``, are in it."""

    event_id: int
    moment: datetime | None


@contextmanager
def lock_cursor(engine: Engine, name: str) -> Iterator[tuple[Connection, Cursor]]:
    """Open the transaction that moves a cursor; nobody else moves it meanwhile."""
    _make(engine, name)
    with writing(engine) as connection:
        row = connection.execute(select(cursors).where(cursors.c.name == name).with_for_update()).one()
        yield connection, Cursor(row.event_id, row.moment)


def move_cursor(
    connection: Connection, name: str, *, event_id: int | None = None, moment: datetime | None = None
) -> None:
    """Say how far a figure has got; without either, that somebody looked."""
    to = {"event_id": event_id, "moment": moment}
    values = {key: value for key, value in to.items() if value is not None}
    connection.execute(update(cursors).where(cursors.c.name == name).values(**values, moved_at=now()))


def settled_before(connection: Connection) -> datetime:
    """Return a moment before which nothing will be written any more."""
    if is_sqlite(connection.engine):
        return connection.execute(select(now())).scalar_one()
    found: datetime = connection.execute(_OLDEST_WRITER, {"caution": CAUTION_SECONDS}).scalar_one()
    return found


def last_settled_event(connection: Connection, after: int, limit: int) -> int:
    """Return the last event of the next ``limit`` ones that are settled; ``after`` if there is none."""
    some = select(events.c.id, events.c.at).where(events.c.id > after).order_by(events.c.id).limit(limit)
    if is_sqlite(connection.engine):
        return connection.execute(select(func.max(some.subquery().c.id))).scalar() or after
    end = settled_before(connection)
    last = after
    for event_id, at in connection.execute(some):
        if at >= end:
            break
        last = event_id
    return last


def _make(engine: Engine, name: str) -> None:
    with reading(engine) as connection:
        if connection.execute(select(cursors.c.name).where(cursors.c.name == name)).first():
            return
    try:
        with writing(engine) as connection:
            connection.execute(insert(cursors).values(name=name, moved_at=now()))
    except IntegrityError:
        return  # another clock was faster


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changes: Mapping[str, str] | None = None
) -> None:
    """Insert rows; where the key is there, change its columns: ``add``, ``replace``, or nothing at all."""
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
