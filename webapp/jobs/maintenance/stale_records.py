"""Silence: record-only jobs of which nobody has heard for their type's time are taken for lost.

What workers run is watched by them (watch.py); whatever does the work of a record-only job shows
that it lives by what it says of it.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import literal_column, select

from webapp.db.engine import reading
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.job import IllegalTransition, Job
from webapp.jobs.service import Jobs
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, later

_AT_ONCE = 200


def mark_silent_records_stale(service: Jobs, job_types: Iterable[JobType]) -> int:
    """End silent record-only jobs as stale; return how many."""
    limits = {job_type.name: job_type.stale_after for job_type in job_types if job_type.stale_after is not None}
    return sum(_give_up(service, name, limit) for name, limit in limits.items())


def _give_up(service: Jobs, name: str, limit: timedelta) -> int:
    silent = (
        jobs.c.record_only,
        jobs.c.status == literal_column("'running'"),  # spelled out, so the partial index is used
        jobs.c.type == name,
        jobs.c.heartbeat_at <= later(-limit.total_seconds()),
        jobs.c.parts == jobs.c.parts_completed + jobs.c.parts_failed + jobs.c.parts_cancelled,
    )
    with reading(service.engine) as connection:
        found = connection.execute(select(jobs.c.id, jobs.c.version).where(*silent).limit(_AT_ONCE)).all()
    count = 0
    for row in found:
        with suppress(IllegalTransition, JobNotFound):  # it has ended in between
            count += service.change(row.id, lambda job, seen=row.version: _lost(job, seen, limit)).is_finished  # type: ignore[misc]
    return count


def _lost(job: Job, seen: int, limit: timedelta) -> Job:
    if job.version != seen:  # it was heard of just now
        return job
    return job.mark_stale([f"No update for {limit}, so it was marked as lost."])
