"""Pauses: which queues are paused, and whether everything is.

The pause of everything is the row of `NO_QUEUE` among the queues: no job waits in that queue, and a claim reads the row
together with that of its queue.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, literal_column, or_, select

from webapp.jobs.model.job import NO_QUEUE
from webapp.schema import queues

_PAUSED = select(queues).where(queues.c.paused_at.is_not(None))  # built once, because every poll runs it
OF_EVERYTHING = queues.c.name == literal_column("''")  # NO_QUEUE, as a literal
EVERYTHING_PAUSED = exists(select(literal_column("1")).where(OF_EVERYTHING, queues.c.paused_at.is_not(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when a queue, or with the queue `NO_QUEUE` everything, is paused, by whom and why."""

    queue: str
    since: datetime
    by: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class PausedQueues:
    """The pauses of queues, and the one of everything; contains the name of each queue whose jobs do not start."""

    queues: tuple[Pause, ...]
    everything: Pause | None

    def __contains__(self, queue: str) -> bool:
        """Whether jobs of this queue do not start."""
        return self.everything is not None or any(pause.queue == queue for pause in self.queues)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the queues with a pause of their own."""
        return tuple(pause.queue for pause in self.queues)

    def __iter__(self) -> Iterator[Pause]:
        """Iterate over the pauses of single queues."""
        return iter(self.queues)


def paused_queues(connection: Connection) -> PausedQueues:
    """Return what is paused."""
    pauses = [
        Pause(queue=row["name"], since=row["paused_at"], by=row["paused_by"], reason=row["reason"])
        for row in connection.execute(_PAUSED).mappings()
    ]
    everything = next((pause for pause in pauses if pause.queue == NO_QUEUE), None)
    return PausedQueues(tuple(pause for pause in pauses if pause.queue != NO_QUEUE), everything)


def is_or_everything(queue: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition for the row of a queue, and for the one that pauses everything."""
    return or_(queues.c.name == queue, OF_EVERYTHING)
