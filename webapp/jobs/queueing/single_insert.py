"""The insert of a single job with its turn and its first event: what most jobs need, as prepared statements.

The turn is that of `fair_share.assign_turns`, computed by the insert itself.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Uuid,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.dml import ReturningInsert

from webapp.db.engine import is_sqlite
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.model.job import EventName, Job
from webapp.jobs.queueing.claim import QUEUED
from webapp.jobs.store import events
from webapp.jobs.store.job_store import to_row
from webapp.schema import jobs, now

_SET_BY_DATABASE = frozenset({"created_at", "fair"})
_COLUMNS = tuple(column.key for column in jobs.c if column.key not in _SET_BY_DATABASE)


def insert_single(connection: Connection, job: Job) -> None:
    """Insert a new job with its turn and the event of its creation; its type is not disabled."""
    row = to_row(job)
    [event] = events.rows_of([job], EventName.CREATED, actor_id=job.triggered_by)
    parameters = {
        **{f"new_{name}": value for name, value in row.items()},
        "lane_queue": job.queue,
        "lane_priority": job.priority,
        "lane_owner": job.owner.user_id,
        "event_actor": event["actor_id"],
        "event_detail": event["detail"],
        "event_request": event["request_id"],
        "event_trace": event["trace_parent"],
    }
    if is_sqlite(connection.engine):
        _INSERT[job.owner.user_id is not None].execute(connection, parameters)
        events.insert_of_actor(connection, event)
    else:
        _INSERT_WITH_EVENT[job.owner.user_id is not None].execute(connection, parameters)


def _turn(owned: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the turn after the owner's last queued job, but none before the one that is served."""
    lane = (QUEUED, jobs.c.queue == bindparam("lane_queue"), jobs.c.priority == bindparam("lane_priority"))
    current = select(func.min(jobs.c.fair).label("turn")).where(*lane)
    after_last = select((func.max(jobs.c.fair) + literal_column("1")).label("turn")).where(*lane, owned)
    turns = union_all(current, after_last).subquery("turns")
    return func.coalesce(select(func.max(turns.c.turn)).scalar_subquery(), literal_column("0"))


def _insert(owned: ColumnElement[bool]) -> ReturningInsert[UUID, int]:
    given = {name: bindparam(f"new_{name}", type_=jobs.c[name].type) for name in _COLUMNS}
    return insert(jobs).values(**given, created_at=now(), fair=_turn(owned)).returning(jobs.c.id, jobs.c.attempt)


def _with_event(statement: ReturningInsert[UUID, int]) -> Select[Any]:
    created = statement.cte("created")
    event = events.insert_from(
        created,
        job_id=created.c.id,
        name=EventName.CREATED,
        attempt=created.c.attempt,
        actor_id=bindparam("event_actor", type_=Uuid()),
        detail=bindparam("event_detail", type_=String()),
        request_id=bindparam("event_request", type_=String()),
        trace_parent=bindparam("event_trace", type_=String()),
    )
    return select(created.c.id).add_cte(event.cte("event"))


_OWNED: Mapping[bool, ColumnElement[bool]] = {
    False: jobs.c.owner_id.is_(None),
    True: jobs.c.owner_id == bindparam("lane_owner"),
}
_INSERT = {owned: PreparedStatement(_insert(is_theirs)) for owned, is_theirs in _OWNED.items()}
_INSERT_WITH_EVENT = {owned: PreparedStatement(_with_event(_insert(is_theirs))) for owned, is_theirs in _OWNED.items()}
