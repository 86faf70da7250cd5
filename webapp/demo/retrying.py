"""A job whose first attempt failed and whose second comes: as rows, since it takes a failure to get there."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, insert, update

from webapp.database import writing
from webapp.schema import attempts, events, jobs, now

WHY = "ConnectionError: the shop's database refused the connection"
_AGO = timedelta(minutes=4)


def fail_once(engine: Engine, job_id: UUID) -> None:
    """Give a scheduled job the attempt that failed before."""
    with writing(engine) as connection:
        over = connection.execute(
            update(jobs).where(jobs.c.id == job_id).values(attempt=1, started_at=now()).returning(jobs.c.created_at)
        ).scalar_one()
        begun = over - _AGO
        where = {"worker": "one", "host": "demo-1", "pid": 4711}
        times = {"started_at": begun, "finished_at": over}
        attempt = {"job_id": job_id, "number": 1, "outcome": "failed", "error": WHY, **where, **times}
        connection.execute(insert(attempts), attempt)
        for name, at, detail in (("started", begun, ""), ("failed", over, WHY)):
            connection.execute(
                insert(events), {"job_id": job_id, "at": at, "name": name, "attempt": 1, "detail": detail}
            )
