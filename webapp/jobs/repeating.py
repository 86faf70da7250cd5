"""Again: the same job once more (retry), or a new one with the same payload (run again)."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from webapp.jobs.job import IllegalTransition, Status
from webapp.schema import events as event_rows
from webapp.schema import jobs, now

RETRIED = "retried"
_MAY = ("failed", "cancelled", "stale")
_AFRESH: dict[str, Any] = {
    "finished_at": None,
    "cancel_requested_at": None,
    "cancel_kind": None,
    "errors": [],
    "run_at": None,
}


class UniqueKeyTaken(Exception):
    """A job is tried again only while no unfinished one holds its unique key."""

    def __init__(self, unique_key: str) -> None:
        """Name the key."""
        super().__init__(f"Another job with the unique key {unique_key!r} is not finished yet.")


def retry(connection: Connection, ids: Collection[UUID], attempts_of: dict[str, int], *, by: UUID | None) -> set[str]:
    """Queue failed, stopped and lost jobs once more; state, files and attempts are kept.

    Of a root whose own part is done, only the children that did not complete run again.
    ``attempts_of`` says per type how many tries a job gets from here. Jobs in any other
    status are left alone; returns the queues in which work waits now.
    """
    woken: set[str] = set()
    for row in connection.execute(_retriable(ids)).all():
        try:
            with connection.begin_nested():
                woken |= _retry_one(connection, row, attempts_of, by)
        except IntegrityError:
            raise UniqueKeyTaken(row.unique_key) from None
    return woken


def refuse_if_not_retriable(job_id: UUID, status: Status) -> None:
    """Raise `IllegalTransition` for one job that somebody wants to retry in a wrong status."""
    if status.value not in _MAY:
        raise IllegalTransition(job_id, status, Status.QUEUED)


def _retriable(ids: Collection[UUID]) -> Any:
    columns = (jobs.c.id, jobs.c.type, jobs.c.status, jobs.c.queue, jobs.c.attempt, jobs.c.parts, jobs.c.root_id,
               jobs.c.unique_key)  # fmt: skip
    return select(*columns).where(jobs.c.id.in_(ids), jobs.c.status.in_(_MAY)).order_by(jobs.c.id).with_for_update()


def _retry_one(connection: Connection, row: Row[Any], attempts_of: dict[str, int], by: UUID | None) -> set[str]:
    if row.parts:
        return _retry_parts(connection, row, attempts_of, by)
    tries = row.attempt + attempts_of.get(row.type, 1)
    values = {**_AFRESH, "status": "queued", "max_attempts": tries, "version": jobs.c.version + 1}
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
    if row.root_id:
        _take_back(connection, row)
    _note(connection, row, by)
    return {row.queue}


def _retry_parts(connection: Connection, root: Row[Any], attempts_of: dict[str, int], by: UUID | None) -> set[str]:
    values = {**_AFRESH, "status": "waiting", "version": jobs.c.version + 1}
    connection.execute(update(jobs).where(jobs.c.id == root.id).values(**values))
    _note(connection, root, by)
    children = select(jobs.c.id).where(jobs.c.root_id == root.id, jobs.c.status.in_(_MAY))
    return retry(connection, list(connection.execute(children).scalars()), attempts_of, by=by)


def _take_back(connection: Connection, child: Row[Any]) -> None:
    """Count a child that runs again no longer among the ended ones; its root waits for it again."""
    figure = "parts_cancelled" if child.status == "cancelled" else "parts_failed"
    again = {figure: jobs.c[figure] - 1, "version": jobs.c.version + 1}
    connection.execute(update(jobs).where(jobs.c.id == child.root_id).values(**again))
    reopened = (jobs.c.id == child.root_id, jobs.c.status.in_(_MAY))
    connection.execute(update(jobs).where(*reopened).values(**_AFRESH, status="waiting"))


def _note(connection: Connection, row: Row[Any], by: UUID | None) -> None:
    event = {"job_id": row.id, "name": RETRIED, "attempt": row.attempt, "actor_id": by}
    connection.execute(insert(event_rows).values(at=now()), event)
