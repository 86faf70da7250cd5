"""The event horizon: up to which id all events are visible, so that a reader who continues after it misses none.

PostgreSQL gives ids before the commit, so an event can appear after one with a higher id. Whoever inserts events holds
a lock on the table from before it gets an id until after its events are visible. So of the ids that exist now, all are
settled as soon as each transaction that holds this lock now has ended. Nothing is written for this, and a transaction
that takes long delays the events after it, but none is lost. SQLite has one writer at a time, so its ids are in the
order of the commits.
"""

import time
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import Engine, func, select, text

from webapp.db.engine import is_sqlite, reading
from webapp.schema import events

_NEWEST = select(func.coalesce(func.max(events.c.id), 0))
# PostgreSQL reads the locks after it has taken the snapshot in which it looks for the newest id
_LOOK = text(
    """
    SELECT newest, CASE WHEN newest > :settled THEN ARRAY(
        SELECT virtualtransaction FROM pg_locks
        WHERE locktype = 'relation' AND relation = to_regclass('events') AND mode = 'RowExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) END AS writers
    FROM (SELECT coalesce(max(id), 0) AS newest FROM events) AS found
    """
)
_PAUSES = (0.002, 0.004, 0.008, 0.016)  # seconds; nearly every transaction is shorter


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    newest: int
    writers: frozenset[str]  # the transactions that could add events up to ``newest`` when it was taken


class EventHorizon:
    """The horizon of one database, as this process knows it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._settled = 0
        self._checkpoint: _Checkpoint | None = None
        self._lock = Lock()  # an older look must not be compared with a newer checkpoint

    def settled_id(self) -> int:
        """Return an id up to which no event will appear any more; waits some milliseconds for short transactions."""
        if is_sqlite(self._engine):
            with reading(self._engine) as connection:
                return connection.execute(_NEWEST).scalar_one()
        for pause in _PAUSES:
            if self._look() <= self._settled:
                return self._settled
            time.sleep(pause)
        return self._settled

    def _look(self) -> int:
        """Move the horizon as far as it can be seen; return the newest visible id."""
        with self._lock:
            with reading(self._engine) as connection:
                newest, writers = connection.execute(_LOOK, {"settled": self._settled}).one()
            if newest > self._settled:
                self._advance(newest, frozenset(writers))
            return int(newest)

    def _advance(self, newest: int, writers: frozenset[str]) -> None:
        if not writers:
            self._settled, self._checkpoint = newest, None
            return
        if self._checkpoint and writers.isdisjoint(self._checkpoint.writers):
            self._settled, self._checkpoint = max(self._settled, self._checkpoint.newest), None
        if self._checkpoint is None:
            self._checkpoint = _Checkpoint(newest, writers)
