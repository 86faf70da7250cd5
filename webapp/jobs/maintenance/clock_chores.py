"""What the clock does every second: promote due jobs and top up wake-ups; rescue.py has the rest."""

from collections.abc import Callable, Mapping

from sqlalchemy import Engine, bindparam, func, select

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.queries.pauses import paused_queues
from webapp.jobs.queueing.claim import QUEUED, count_queued
from webapp.jobs.store.transitions import promoted
from webapp.schema import jobs, now

_NEXT_QUEUE = select(func.min(jobs.c.queue)).where(QUEUED, jobs.c.queue > bindparam("last"))


def promote_due(engine: Engine) -> int:
    """Queue every scheduled job that is due; return how many."""
    is_due = jobs.c.run_at <= now()
    # locked rows follow in a second
    unlocked = select(jobs.c.id).where(promoted.guard, is_due).with_for_update(skip_locked=True, key_share=True)
    with writing(engine) as connection:
        statement = promoted.update().where(jobs.c.id.in_(unlocked), is_due)
        count = connection.execute(statement).rowcount
        if count:
            faultpoint("clock.promote")
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
