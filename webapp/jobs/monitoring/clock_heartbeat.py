"""Heartbeats of clocks: each clock updates a row, so that a clock that stops is noticed."""

from datetime import timedelta
from os import getpid
from socket import gethostname
from time import monotonic
from uuid import UUID

from sqlalchemy import Engine, delete, func, insert, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.schema import clocks, later, now

BEAT_SECONDS = 2.0
SILENT_AFTER = timedelta(seconds=15)  # a clock without a heartbeat for this long counts as stopped
_DELETED_AFTER_SECONDS = 3600.0


class ClockHeartbeat:
    """The heartbeat of one clock. `beat` is called at every tick and writes every `BEAT_SECONDS`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._id: UUID | None = None
        self._due = 0.0

    def beat(self) -> None:
        """Record that this clock runs."""
        if monotonic() < self._due:
            return
        with writing(self._engine) as connection:
            statement = update(clocks).where(clocks.c.id == self._id).values(beat_at=now())
            if self._id is None or connection.execute(statement).rowcount != 1:
                self._id = uuid7()
                row = {"id": self._id, "host": gethostname(), "pid": getpid()}
                connection.execute(insert(clocks).values(**row, started_at=now(), beat_at=now()))
                connection.execute(delete(clocks).where(clocks.c.beat_at < later(-_DELETED_AFTER_SECONDS)))
        self._due = monotonic() + BEAT_SECONDS

    def stop(self) -> None:
        """Delete the row of this clock."""
        with writing(self._engine) as connection:
            connection.execute(delete(clocks).where(clocks.c.id == self._id))


def time_since_heartbeat(engine: Engine) -> timedelta | None:
    """Return the age of the latest heartbeat of any clock; ``None`` if there is none."""
    with reading(engine) as connection:
        row = connection.execute(select(func.max(clocks.c.beat_at).label("last"), now().label("now"))).one()
    return None if row.last is None else max(timedelta(0), row.now - row.last)


def is_clock_silent(engine: Engine) -> bool:
    """Return whether no clock runs: then due jobs do not start, and lost jobs are not rescued."""
    age = time_since_heartbeat(engine)
    return age is None or age > SILENT_AFTER
