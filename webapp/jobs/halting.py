"""Halting: the rows of a stop, and nothing of what follows; see stopping.py for the whole."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Update, insert, select, update

from webapp.jobs import events, signals
from webapp.schema import events as event_rows
from webapp.schema import jobs, now

_BEFORE_START = ("held", "scheduled", "queued")
_UNDER_WAY = ("running", "waiting")


def end_waiting(connection: Connection, whose: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """End jobs that nobody has begun; return those."""
    waiting = update(jobs).where(whose, jobs.c.status.in_(_BEFORE_START))
    return _end(connection, waiting.values(cancel_kind="before_start"), by)


def _end(connection: Connection, those: Update, by: UUID | None) -> list[UUID]:
    statement = those.values(status="cancelled", finished_at=now(), version=jobs.c.version + 1)
    ended = connection.execute(statement.returning(jobs.c.id, jobs.c.attempt)).all()
    _note(connection, ended, "cancelled", by)
    ids = [row.id for row in ended]
    signals.note(connection, signals.job_cancelled, ids)
    return ids


def end_deserted(connection: Connection, whose: ColumnElement[bool], by: UUID | None) -> list[UUID]:
    """End record-only jobs that were asked before: nobody else could, if what did their work is gone."""
    deserted = (jobs.c.record_only, jobs.c.status == "running", jobs.c.cancel_requested_at.is_not(None))
    return _end(connection, update(jobs).where(whose, *deserted).values(cancel_kind="forced"), by)


def ask_running(connection: Connection, whose: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """Ask jobs that run to stop, and roots that wait; return the roots."""
    statement = (
        update(jobs)
        .where(whose, jobs.c.status.in_(_UNDER_WAY), jobs.c.cancel_requested_at.is_(None))
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
