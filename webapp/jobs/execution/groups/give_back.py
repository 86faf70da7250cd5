"""Give back jobs that were claimed and have not begun: they are queued as they were, and no attempt is counted."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, select

from webapp.jobs.lifecycle import finish_family
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.model.job import NOT_STARTED, EventName, Status
from webapp.jobs.store import events, lock_order, transitions
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

_KEPT = {name: jobs.c[name] for name in NOT_STARTED if name != "started_at"}  # what an earlier attempt has reported
_STOPPED = Ending(status=Status.CANCELLED, outcome=EventName.CANCELLED, cancel_kind="before_start")


def give_back(connection: Connection, lease_id: UUID, ids: Sequence[UUID], location: AttemptLocation) -> set[str]:
    """Queue jobs again that run under a lease and have not begun; return the queues in which jobs can now be claimed.

    One that was asked to stop is stopped. Only for a caller that knows that they do not begin any more: their attempt
    numbers are used again.
    """
    lock_order.lock_families(connection, ids)
    held = (jobs.c.id.in_(ids), jobs.c.lease_id == lease_id)
    queued = (
        transitions.handed_back.update(by_id=True, lease_id=None, attempt=jobs.c.attempt - 1, started_at=None, **_KEPT)
        .where(*held, jobs.c.cancel_requested_at.is_(None))
        .returning(jobs.c.id, jobs.c.attempt, jobs.c.queue)
    )
    rows = connection.execute(queued).all()
    events.delete_starts(connection, [(row.id, row.attempt + 1) for row in rows])
    woken = {row.queue for row in rows}
    for stopped in connection.execute(select(jobs).where(*held)).mappings().all():
        woken |= finish_family.end_attempt(connection, to_job(stopped), location, _STOPPED)
    return woken
