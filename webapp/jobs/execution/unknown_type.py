"""Jobs of a type that this worker does not know: an older worker met them, or their type was removed.

During a deploy some workers are older than the jobs that they find. Such a job is handed back, uses
up none of its tries, and waits a little longer each time for a worker that knows its type; only when
none came for an hour it fails.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from webapp.db.engine import reading
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import EventName, Job, Status
from webapp.schema import attempts

PATIENCE = timedelta(hours=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=5)


def attempt_ending(engine: Engine, job: Job) -> Ending:
    """Say how an attempt of a job ends whose type is not known here."""
    with reading(engine) as connection:
        mine = (attempts.c.job_id == job.id, attempts.c.outcome == EventName.UNKNOWN_TYPE)
        since = connection.execute(select(func.min(attempts.c.started_at)).where(*mine)).scalar()
    return ending_after(job.type, since, job.started_at)


def ending_after(type_name: str, since: datetime | None, at: datetime | None) -> Ending:
    """Hand it back, or fail it after `PATIENCE`; ``since`` is the first such attempt's start, ``at`` this one's."""
    waited = at - since if at and since else timedelta()
    if waited >= PATIENCE:
        sentence = (
            f"No worker has known the job type {type_name!r} for an hour. It was removed or is not installed. "
            "Retry this job when a worker knows its type."
        )
        return Ending(status=Status.FAILED, outcome=EventName.FAILED, error=sentence)
    pause = min(_FIRST_PAUSE + waited / 4, _LONGEST_PAUSE)
    sentence = f"This worker does not know the job type {type_name!r}. Another worker may know it."
    return Ending(
        status=Status.SCHEDULED, outcome=EventName.UNKNOWN_TYPE, error=sentence, retry_in=pause.total_seconds()
    )
