"""The clock's chore: end the jobs that nobody has approved or rejected in time."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, select

from webapp.db.engine import reading, writing
from webapp.jobs.approvals.decisions import WAITING, expire
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs, now

_AT_ONCE = 200  # the next round of the clock does the others


def expire_approvals(engine: Engine, wake: Callable[[str], Any]) -> int:
    """Cancel the jobs whose time for an approval is over, each in its own transaction; return how many."""
    due = select(jobs).where(jobs.c.approval.is_not(None), *WAITING, jobs.c.approval_ends_at <= now())
    with reading(engine) as connection:
        found = [to_job(row) for row in connection.execute(due.order_by(jobs.c.id).limit(_AT_ONCE)).mappings()]
    count = 0
    for job in found:
        with writing(engine) as connection:
            woken = expire(connection, job)
        if woken is None:
            continue
        count += 1
        for queue in sorted(woken):
            wake(queue)
    return count
