"""The clocks' beats: each clock says in a row of its own that it ticks, so that its silence is noticed."""

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
SILENT_AFTER = timedelta(seconds=15)  # a clock that was not heard of for so long is as good as none
_FORGOTTEN_SECONDS = 3600.0


class ClockHeartbeat:
    """One clock's sign of life. `tell` is called at every tick and writes every `BEAT_SECONDS`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._id: UUID | None = None
        self._due = 0.0

    def beat(self) -> None:
        """Say that this clock ticks."""
        if monotonic() < self._due:
            return
        with writing(self._engine) as connection:
            told = update(clocks).where(clocks.c.id == self._id).values(beat_at=now())
            if self._id is None or connection.execute(told).rowcount != 1:
                self._id = uuid7()
                row = {"id": self._id, "host": gethostname(), "pid": getpid()}
                connection.execute(insert(clocks).values(**row, started_at=now(), beat_at=now()))
                connection.execute(delete(clocks).where(clocks.c.beat_at < later(-_FORGOTTEN_SECONDS)))
        self._due = monotonic() + BEAT_SECONDS

    def stop(self) -> None:
        """Say that this clock ends."""
        with writing(self._engine) as connection:
            connection.execute(delete(clocks).where(clocks.c.id == self._id))


def time_since_heartbeat(engine: Engine) -> timedelta | None:
    """Return how long ago any clock was heard of; ``None`` if there is none."""
    with reading(engine) as connection:
        row = connection.execute(select(func.max(clocks.c.beat_at).label("last"), now().label("now"))).one()
    return None if row.last is None else max(timedelta(0), row.now - row.last)


def is_clock_silent(engine: Engine) -> bool:
    """Tell whether nobody does the clock's chores: nothing due starts, and nothing lost is found."""
    heard = time_since_heartbeat(engine)
    return heard is None or heard > SILENT_AFTER
