"""Unique jobs: at most one unfinished job holds a unique key; a policy says what becomes of a second one.

The partial unique index is the lock: it needs no release and survives everything. A job that is
queued after the holder waits for it, and for all that wait for the same key already, however they
end; it takes the key in the statement that lets it go. Where somebody else has taken the key by
then, it stays held, and the clock lets it go when the key is free.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, Engine, literal_column, select, union
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import UNFINISHED, Status
from webapp.jobs.store.transitions import released
from webapp.schema import dependencies, jobs

KEY_LIMIT = 200  # characters
_HELD = jobs.c.status == literal_column("'held'")  # spelled out, so the partial index is used
_predecessors = jobs.alias("predecessors")


class DuplicateJob(Exception):
    """At most one unfinished job holds a unique key."""

    def __init__(self, unique_key: str) -> None:
        """Name the key."""
        super().__init__(f"A job with the unique key {unique_key!r} is not finished yet.")


class UniqueKeyTaken(Exception):
    """A job is tried again only while no unfinished one holds its unique key."""

    def __init__(self, unique_key: str) -> None:
        """Name the key."""
        super().__init__(f"Another job with the unique key {unique_key!r} is not finished yet.")


def line_of(connection: Connection, unique_key: str) -> Collection[UUID]:
    """Return the unfinished jobs that hold a key or wait for it, oldest first."""
    holder = select(jobs.c.id).where(jobs.c.unique_key == unique_key, jobs.c.status.in_(UNFINISHED))
    waiting = select(jobs.c.id).where(jobs.c.next_key == unique_key, _HELD)
    return sorted(connection.execute(union(holder, waiting)).scalars())


def let_go(connection: Connection, job_id: UUID, status: Status) -> bool:
    """Give a held job the key that it waited for, and another status; False while the key is taken."""
    statement = released.update(status, unique_key=jobs.c.next_key, next_key=None).where(jobs.c.id == job_id)
    try:
        with connection.begin_nested():
            return connection.execute(statement).rowcount == 1
    except IntegrityError:
        return False


def release_waiting(engine: Engine) -> int:
    """Let go what waits for a key that is free, and for nothing else; return how many."""
    blocked = (
        select(dependencies.c.after_id)
        .join(_predecessors, _predecessors.c.id == dependencies.c.after_id)
        .where(dependencies.c.job_id == jobs.c.id, _predecessors.c.status.in_(UNFINISHED))
    )
    waiting = select(jobs.c.id, jobs.c.run_at).where(jobs.c.next_key.is_not(None), _HELD, ~blocked.exists())
    with reading(engine) as connection:
        found = connection.execute(waiting.order_by(jobs.c.id)).all()
    count = 0
    for row in found:
        with writing(engine) as connection:
            count += let_go(connection, row.id, Status.QUEUED if row.run_at is None else Status.SCHEDULED)
    return count
