"""Stop: waiting jobs end at once, in one statement; running ones are asked, and obey or are ended by force."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, insert, or_, select, update

from webapp.jobs import aftermath, events
from webapp.jobs.job import IllegalTransition, Status
from webapp.schema import events as event_rows
from webapp.schema import jobs, now

_BEFORE_START = ("held", "scheduled", "queued")
_UNDER_WAY = ("running", "waiting")


def stop(connection: Connection, ids: Collection[UUID], *, by: UUID | None = None) -> set[str]:
    """Stop jobs and their children; return the queues in which work waits now.

    Jobs that have ended already stay as they are: they were faster.
    """
    whose = or_(jobs.c.id.in_(ids), jobs.c.root_id.in_(ids))
    ended = _end_waiting(connection, whose, by)
    asked = _ask_running(connection, whose, by)
    woken = aftermath.follow(connection, ended)
    for root in sorted(asked):
        if aftermath.settle_root(connection, root):
            woken |= aftermath.follow(connection, [root])
    return woken


def refuse_if_ended(job_id: UUID, status: Status) -> None:
    """Raise `IllegalTransition` for one job that somebody wants to stop and that has ended."""
    if status.value not in (*_BEFORE_START, *_UNDER_WAY):
        raise IllegalTransition(job_id, status, Status.CANCELLED)


def _end_waiting(connection: Connection, whose: object, by: UUID | None) -> list[UUID]:
    statement = (
        update(jobs)
        .where(whose, jobs.c.status.in_(_BEFORE_START))  # type: ignore[arg-type]
        .values(status="cancelled", cancel_kind="before_start", finished_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id, jobs.c.attempt)
    )
    ended = connection.execute(statement).all()
    _note(connection, ended, "cancelled", by)
    return [row.id for row in ended]


def _ask_running(connection: Connection, whose: object, by: UUID | None) -> list[UUID]:
    statement = (
        update(jobs)
        .where(whose, jobs.c.status.in_(_UNDER_WAY), jobs.c.cancel_requested_at.is_(None))  # type: ignore[arg-type]
        .values(cancel_requested_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id, jobs.c.attempt)
    )
    asked = connection.execute(statement).all()
    _note(connection, asked, events.CANCEL_REQUESTED, by)
    ids = [row.id for row in asked]
    roots = select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.status == "waiting")
    return list(connection.execute(roots).scalars())


def _note(connection: Connection, rows: Collection[object], name: str, by: UUID | None) -> None:
    if rows:
        noted = [{"job_id": row.id, "name": name, "attempt": row.attempt, "actor_id": by} for row in rows]  # type: ignore[attr-defined]
        connection.execute(insert(event_rows).values(at=now()), noted)
