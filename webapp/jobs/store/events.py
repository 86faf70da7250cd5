"""What happened to a job: one row per event, written in the transaction that makes it so."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, insert

from webapp.jobs.model.job import Job
from webapp.schema import events, now

CREATED = "created"
STARTED = "started"
CANCEL_REQUESTED = "cancel_requested"

_INSERT = insert(events).values(at=now())


def record(
    connection: Connection, jobs: Sequence[Job], name: str, *, actor_id: UUID | None = None, detail: str = ""
) -> None:
    """Note the same event for one or many jobs; the time is the database's."""
    rows = [
        {"job_id": job.id, "name": name, "attempt": job.attempt, "actor_id": actor_id, "detail": detail} for job in jobs
    ]
    connection.execute(_INSERT, rows)
