"""Stale record-only jobs: those without an update for the ``stale_after`` of their job type are marked as lost.

Workers watch the jobs that they run (``watchdog``). A record-only job runs elsewhere, so its updates are its only
heartbeat.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from sqlalchemy import literal_column, select

from webapp.db.engine import reading
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.job import IllegalTransition, Job
from webapp.jobs.model.periods import period_in_units
from webapp.jobs.service import Jobs
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, later

_BATCH = 200


def mark_silent_records_stale(service: Jobs, job_types: Iterable[JobType]) -> int:
    """Mark record-only jobs without updates as stale; return how many."""
    limits = {job_type.name: job_type.stale_after for job_type in job_types if job_type.stale_after is not None}
    return sum(_mark_stale(service, name, limit) for name, limit in limits.items())


def _mark_stale(service: Jobs, name: str, limit: timedelta) -> int:
    silent = (
        jobs.c.record_only,
        jobs.c.status == literal_column("'running'"),  # a literal, so that the partial index is used
        jobs.c.type == name,
        jobs.c.heartbeat_at <= later(-limit.total_seconds()),
        jobs.c.parts == jobs.c.parts_completed + jobs.c.parts_failed + jobs.c.parts_cancelled,
    )
    with reading(service.engine) as connection:
        found = connection.execute(select(jobs.c.id, jobs.c.version).where(*silent).limit(_BATCH)).all()
    count = 0
    for row in found:
        with suppress(IllegalTransition, JobNotFound):  # it has ended in the meantime
            count += service.change(row.id, partial(_if_unchanged, version=row.version, limit=limit)).is_finished
    return count


def _if_unchanged(job: Job, *, version: int, limit: timedelta) -> Job:
    if job.version != version:  # it has just been updated
        return job
    return job.mark_stale([f"No update for {period_in_units(limit)}, so it was marked as lost."])
