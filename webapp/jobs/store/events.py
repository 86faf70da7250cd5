"""Events: the history of a job, one row per event, written in the transaction that makes the change.

This is the only module that inserts and deletes events of existing jobs.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NotRequired, Protocol, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, Insert, bindparam, delete, literal, select
from sqlalchemy import insert as sql_insert

from webapp.db.engine import reading
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.model.job import EventName
from webapp.schema import events, now
from webapp.telemetry import traces
from webapp.telemetry.log_context import request_id

acting_token: ContextVar[str] = ContextVar("acting_token", default="")  # the name of the request's API token


class EventRow(TypedDict):
    """One event. Without ``at`` it happened now, by the database's clock."""

    job_id: UUID
    name: EventName
    attempt: int
    actor_id: NotRequired[UUID | None]
    detail: NotRequired[str]
    request_id: NotRequired[str | None]
    trace_parent: NotRequired[str | None]
    at: NotRequired[datetime]


class Origin(TypedDict):
    """Where an event comes from, if an HTTP request caused it."""

    request_id: str | None
    trace_parent: str | None


class HasAttempt(Protocol):
    """A job, or a row of one."""

    @property
    def id(self) -> UUID:
        """The id of the job."""

    @property
    def attempt(self) -> int:
        """The number of its latest attempt."""


_INSERT_PAST = sql_insert(events)
_INSERT = _INSERT_PAST.values(at=now())
INSERT_ONE = PreparedStatement(_INSERT.inline(), columns=("job_id", "name", "attempt", "detail"))
_INSERT_OF_ACTOR = PreparedStatement(
    _INSERT.inline(), columns=("job_id", "name", "attempt", "actor_id", "detail", "request_id", "trace_parent")
)


def insert(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Insert events; all rows must have the same keys."""
    if rows:
        parameters: Sequence[Mapping[str, Any]] = rows
        connection.execute(_INSERT_PAST if "at" in rows[0] else _INSERT, parameters)


def insert_one(connection: Connection, *, job_id: UUID, name: EventName, attempt: int, detail: str = "") -> None:
    """Insert an event that happened now; the fast way, for what happens in every job."""
    INSERT_ONE.execute(connection, {"job_id": job_id, "name": name, "attempt": attempt, "detail": detail})


def insert_of_actor(connection: Connection, row: EventRow) -> None:
    """Insert an event that a user has caused just now; the fast way."""
    _INSERT_OF_ACTOR.execute(connection, row)


def delete_starts(connection: Connection, attempts: Iterable[tuple[UUID, int]]) -> None:
    """Delete the events of attempts (job, number) that were claimed and have not begun."""
    started = delete(events).where(
        events.c.job_id == bindparam("of_job"),
        events.c.attempt == bindparam("of_attempt"),
        events.c.name == literal(EventName.STARTED.value),
    )
    if rows := [{"of_job": job_id, "of_attempt": number} for job_id, number in attempts]:
        connection.execute(started, rows)


def rows_of(
    jobs: Iterable[HasAttempt], name: EventName, *, actor_id: UUID | None = None, detail: str = ""
) -> list[EventRow]:
    """Return the rows of one event that happened to several jobs.

    An event without a detail that a user caused through the API has the name of the token.
    """
    if actor_id is not None and not detail:
        detail = acting_token.get()
    origin = origin_of_event()
    return [
        {
            "job_id": job.id,
            "name": name,
            "attempt": job.attempt,
            "actor_id": actor_id,
            "detail": detail,
            "request_id": origin["request_id"],
            "trace_parent": origin["trace_parent"],
        }
        for job in jobs
    ]


def origin_of_event() -> Origin:
    """Return the request that causes an event now, and the trace that it belongs to."""
    return {"request_id": request_id.get() or None, "trace_parent": traces.trace_parent()}


def insert_from(
    source: FromClause,
    *,
    job_id: ColumnElement[Any],
    name: EventName | ColumnElement[str],
    attempt: ColumnElement[int],
    **further: ColumnElement[Any],
) -> Insert:
    """Return a statement that inserts one event per row of ``source``, for statements that do several things at once.

    ``further`` are ``actor_id``, ``detail``, ``request_id`` and ``trace_parent``.
    """
    named = literal(name.value) if isinstance(name, EventName) else name
    columns = {"job_id": job_id, "at": now(), "name": named, "attempt": attempt, **further}
    return sql_insert(events).from_select(list(columns), select(*columns.values()).select_from(source))


def trace_parent_of(engine: Engine, job_id: UUID) -> str:
    """Return the trace of the latest request that created or changed a job; empty if there is none."""
    latest = select(events.c.trace_parent).where(events.c.job_id == job_id, events.c.trace_parent.is_not(None))
    with reading(engine) as connection:
        return connection.execute(latest.order_by(events.c.id.desc()).limit(1)).scalar() or ""
