"""What the clock does every second: queue jobs whose time or key has come, top up wake-ups; rescue.py has the rest."""

from collections.abc import Callable, Mapping

from sqlalchemy import Engine, bindparam, func, literal_column, select

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.lifecycle.cascade import release_with_key
from webapp.jobs.model.job import UNFINISHED
from webapp.jobs.queries.pauses import paused_queues
from webapp.jobs.queueing.claim import QUEUED, count_queued
from webapp.jobs.queueing.fair_share import with_new_turns
from webapp.jobs.store.transitions import MAY_RUN, promoted, released
from webapp.schema import dependencies, jobs, now

_PROMOTE = with_new_turns(
    promoted.update(by_id=True),
    promoted.guard,
    jobs.c.run_at <= now(),
    kept=jobs.c.attempt > literal_column("0"),  # they wait for their next attempt
    skip_locked=True,
)
_predecessors = jobs.alias("predecessors")
_NEXT_QUEUE = select(func.min(jobs.c.queue)).where(QUEUED, jobs.c.queue > bindparam("last"))


def promote_due(engine: Engine) -> int:
    """Queue every scheduled job that is due; return how many. Locked ones follow in a second."""
    with writing(engine) as connection:
        count = connection.execute(_PROMOTE).rowcount
        if count:
            faultpoint("clock.promote")
        return count


def release_jobs_with_free_keys(engine: Engine) -> int:
    """Release the jobs that only waited for a unique key that is now free; return how many."""
    blocked = (
        select(dependencies.c.after_id)
        .join(_predecessors, _predecessors.c.id == dependencies.c.after_id)
        .where(dependencies.c.job_id == jobs.c.id, _predecessors.c.status.in_(UNFINISHED))
    )
    is_waiting = (jobs.c.next_key.is_not(None), released.guard, MAY_RUN)
    waiting = select(jobs.c.id).where(*is_waiting, ~blocked.exists())
    with reading(engine) as connection:
        found = connection.execute(waiting.order_by(jobs.c.id)).scalars().all()
    count = 0
    for job_id in found:
        with writing(engine) as connection:
            count += release_with_key(connection, job_id)
    return count


def top_up_wake_ups(engine: Engine, top_up: Callable[[str, int], int], ceiling: int = 1000) -> Mapping[str, int]:
    """Push missing wake-ups for queued jobs; return how many, by queue."""
    rows_by_queue = _queued_by_queue(engine, ceiling)
    if rows_by_queue:
        faultpoint("clock.top-up")
    return {queue: top_up(queue, rows) for queue, rows in rows_by_queue.items()}


def _queued_by_queue(engine: Engine, ceiling: int) -> dict[str, int]:
    """Skip from queue to queue along the index of claims, without reading a million queued rows."""
    found: dict[str, int] = {}
    last = ""
    with reading(engine) as connection:
        paused = paused_queues(connection)
        while queue := connection.execute(_NEXT_QUEUE, {"last": last}).scalar():
            if queue not in paused:
                found[queue] = count_queued(connection, queue, ceiling)
            last = queue
    return found
