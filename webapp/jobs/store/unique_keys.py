"""Unique keys: at most one unfinished job holds a key; a policy decides what happens to a duplicate.

A row of ``claimed_keys`` is the lock. Triggers insert it with the job and delete it in the statement that ends the
job, so no code can forget it, it survives a crash, and the second of two jobs gets an `IntegrityError`. A job with the
policy "queue after" waits for the holder and for all jobs that already wait for the same key,
however they end. It takes the key in the statement that releases it, and reserves it until then: the triggers let only
jobs that wait for a key claim it, so none depends on a job that it keeps waiting. If another one that waits has taken
the key by then, it stays held, and the clock releases it when the key is free.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Connection, Engine, Integer, literal_column, select, union_all

from webapp.db.engine import reading
from webapp.schema import claimed_keys, jobs

_HELD = jobs.c.status == literal_column("'held'")  # a literal, so that the partial index is used
_predecessors = jobs.alias("predecessors")


class KeyConflict(Exception):
    """Raised when an unfinished job holds a unique key that another job needs, or waits for it.

    ``job_id`` is the holder or the first job that waits for the key, unless it has ended meanwhile. Show it only to
    users who can see that job.
    """

    def __init__(self, sentence: str, *unique_keys: str) -> None:
        """Name the keys in a sentence."""
        self.unique_keys = unique_keys
        self.job_id: UUID | None = None
        super().__init__(sentence.format(repr(", ".join(unique_keys))))


class DuplicateJob(KeyConflict):
    """Raised when a new job has the unique key of an unfinished one."""

    def __init__(self, *unique_keys: str) -> None:
        """Name the keys of the new jobs."""
        super().__init__("A job with the unique key {} is not finished yet.", *unique_keys)


class UniqueKeyTaken(KeyConflict):
    """Raised when a job cannot run again because an unfinished one holds its unique key."""

    def __init__(self, unique_key: str) -> None:
        """Name the key."""
        super().__init__("Another job with the unique key {} is not finished yet.", unique_key)


def jobs_with_key(connection: Connection, unique_key: str) -> Collection[UUID]:
    """Return the unfinished jobs that hold a key or wait for it, oldest first."""
    return sorted(row.job_id for row in connection.execute(_with_key([unique_key])))


def first_with_key(connection: Connection, *unique_keys: str) -> UUID | None:
    """Return the unfinished job that holds one of the keys, or the first that waits for it; None if they are free."""
    return connection.execute(_with_key(unique_keys).order_by("place", "job_id").limit(1)).scalar()


def _with_key(unique_keys: Sequence[str]) -> CompoundSelect[Any]:
    """Select the jobs that hold the keys at the place 0, and those that wait for them at the place 1."""
    return union_all(
        select(claimed_keys.c.job_id, literal_column("0", Integer).label("place")).where(
            claimed_keys.c.key.in_(unique_keys)
        ),
        select(jobs.c.id, literal_column("1", Integer)).where(jobs.c.next_key.in_(unique_keys), _HELD),
    )


@contextmanager
def naming_the_holder(engine: Engine) -> Iterator[None]:
    """Add the job that holds the key to a `KeyConflict` that passes, after the transaction that raised it."""
    try:
        yield
    except KeyConflict as conflict:
        with reading(engine) as connection:
            conflict.job_id = first_with_key(connection, *conflict.unique_keys)
        raise
