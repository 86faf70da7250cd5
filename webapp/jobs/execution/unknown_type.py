"""Jobs of a type that this worker does not know: the worker is older than the job, or the type was removed.

During a deployment some workers are older than the jobs that they find. Such a job is handed back without
using up an attempt, with a growing delay, until a worker that knows its type claims it. If none does so
for an hour, the job fails.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from webapp.db.engine import reading
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import EventName, Job, Status
from webapp.schema import attempts

GIVE_UP_AFTER = timedelta(hours=1)
_MIN_DELAY, _MAX_DELAY = timedelta(seconds=30), timedelta(minutes=5)


def attempt_ending(engine: Engine, job: Job) -> Ending:
    """Return how an attempt ends whose job type is unknown to this worker."""
    with reading(engine) as connection:
        of_unknown_type = (attempts.c.job_id == job.id, attempts.c.outcome == EventName.UNKNOWN_TYPE)
        since = connection.execute(select(func.min(attempts.c.started_at)).where(*of_unknown_type)).scalar()
    return ending_after(job.type, since, job.started_at)


def ending_after(type_name: str, since: datetime | None, at: datetime | None) -> Ending:
    """Hand the job back, or fail it after `GIVE_UP_AFTER`.

    ``since`` is the start of the first such attempt, ``at`` the start of this one.
    """
    waited = at - since if at and since else timedelta()
    if waited >= GIVE_UP_AFTER:
        message = (
            f"No worker has known the job type {type_name!r} for an hour. It was removed or is not installed. "
            "Retry this job when a worker knows its type."
        )
        return Ending(status=Status.FAILED, outcome=EventName.FAILED, error=message)
    delay = min(_MIN_DELAY + waited / 4, _MAX_DELAY)
    message = f"This worker does not know the job type {type_name!r}. Another worker may know it."
    return Ending(
        status=Status.SCHEDULED, outcome=EventName.UNKNOWN_TYPE, error=message, retry_in=delay.total_seconds()
    )
