"""The claim: a work-horse takes the best waiting job of a queue, in one statement.

Highest priority first, then fair share between owners, then age. Whoever comes second finds
nothing, so an announcement that arrives twice runs nothing twice. An own-process job is left
for a horse that has not run anything yet.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Update,
    bindparam,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from webapp.database import is_sqlite, reading, writing_at_once
from webapp.jobs import events
from webapp.jobs.job import Job
from webapp.jobs.store import to_job
from webapp.schema import events as event_rows
from webapp.schema import jobs, now

QUEUED = jobs.c.status == literal_column("'queued'")  # spelled out, so the partial index is used


def _claim() -> Update:
    best = (
        select(jobs.c.id)
        .where(jobs.c.queue == bindparam("wanted_queue"), QUEUED)
        .order_by(jobs.c.priority.desc(), jobs.c.fair, jobs.c.id)
        .limit(literal_column("1"))
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return (
        update(jobs)
        .where(jobs.c.id == best, QUEUED, or_(jobs.c.own_process.is_(False), bindparam("horse_is_fresh")))
        .values(
            status=literal_column("'running'"),
            attempt=jobs.c.attempt + 1,
            lease_id=bindparam("horse_lease"),
            started_at=now(),
            heartbeat_at=now(),
            progress=0.0,
            done=None,
            total=None,
            message="",
            version=jobs.c.version + 1,
        )
        .returning(*jobs.c)
    )


def _claim_and_note() -> Select[Any]:
    claimed = _claim().cte("claimed")
    noted = insert(event_rows).from_select(
        ["job_id", "at", "name", "attempt"],
        select(claimed.c.id, now(), literal(events.STARTED), claimed.c.attempt),
    )
    return select(claimed).add_cte(noted.cte("noted"))


_CLAIM = _claim()
_CLAIM_AND_NOTE = _claim_and_note()
_NOTE = insert(event_rows).values(at=now(), name=events.STARTED)


def claim(engine: Engine, queue: str, lease_id: UUID, *, fresh: bool) -> Job | None:
    """Take the best waiting job of ``queue``; ``None`` if there is none to take.

    ``fresh`` says that this horse has run nothing yet and may take an own-process job.
    """
    values = {"wanted_queue": queue, "horse_lease": lease_id, "horse_is_fresh": fresh}
    with writing_at_once(engine) as connection:
        statement = _CLAIM if is_sqlite(engine) else _CLAIM_AND_NOTE
        row = connection.execute(statement, values).mappings().first()
        if row is not None and is_sqlite(engine):
            connection.execute(_NOTE, {"job_id": row["id"], "attempt": row["attempt"]})
    return to_job(row) if row is not None else None


def waiting(connection: Connection, queue: str, ceiling: int) -> int:
    """Count a queue's waiting jobs, up to ``ceiling``."""
    rows = select(literal(1)).where(jobs.c.queue == queue, QUEUED).limit(ceiling)
    return len(connection.execute(rows).all())


def has_waiting(engine: Engine, queue: str) -> bool:
    """Tell whether any job waits in a queue."""
    with reading(engine) as connection:
        return waiting(connection, queue, ceiling=1) > 0
