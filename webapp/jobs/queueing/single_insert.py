"""The insert of a single job with its turn and its first event: what most jobs need, as prepared statements.

The turn is that of `fair_share.new_turn`, computed by the insert itself, which also refuses disabled types. It
writes the columns in which new jobs differ; the others have the defaults of the database, which are those of `Job`.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    Uuid,
    bindparam,
    exists,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.types import TypeEngine

from webapp.db.engine import is_sqlite
from webapp.db.joined_insert import JoinedInsert, JoinedRow
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.definition.disabled_types import refuse_disabled
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.queueing.fair_share import new_turn
from webapp.jobs.store import events
from webapp.jobs.store.job_store import with_values
from webapp.schema import disabled_types, jobs, now

# Column, and where a job has it
_WRITTEN: Mapping[str, str] = {
    "id": "id",
    "type": "type",
    "title": "title",
    "status": "status.value",
    "queue": "queue",
    "priority": "priority",
    "own_process": "own_process",
    "owner_id": "owner.user_id",
    "public": "owner.public",
    "tenant": "owner.tenant",
    "triggered_by": "triggered_by",
    "payload": "payload",
    "run_at": "run_at",
    "unique_key": "unique_key",
    "next_key": "next_key",
    "root_id": "root_id",
    "child_name": "child_name",
    "tolerant": "tolerant",
    "record_only": "record_only",
    "again_of": "again_of",
    "max_attempts": "max_attempts",
    "tags": "tags",
    "rate_key": "rate_key",
}
_SET_BY_DATABASE = (jobs.c.created_at, jobs.c.fair)
_column_names = tuple(column.key for column in _SET_BY_DATABASE)
_written_values = attrgetter(*_WRITTEN.values())
_other_values = attrgetter(
    *(field.name for field in fields(Job) if field.name not in {*_WRITTEN, *_column_names, "owner"})
)
_DEFAULTS = _other_values(Job(id=UUID(int=0), type="any", title="", status=Status.QUEUED))


def is_insertable(job: Job) -> bool:
    """Return whether a new job has nothing but what `insert_single` writes."""
    return bool(_other_values(job) == _DEFAULTS)


def insert_single(connection: Connection, job: Job, row: JoinedRow | None = None) -> Job:
    """Insert a new job with its turn and the event of its creation; return it as its row has it.

    Raises `TypeDisabled`, unless the job is a child. This is one statement, with SQLite two. On PostgreSQL it can
    insert another ``row`` too.
    """
    [event] = events.rows_of([job], EventName.CREATED, actor_id=job.triggered_by)
    parameters = dict(zip(_WRITTEN, _written_values(job), strict=True))
    parameters["tags"] = list(job.tags) or None
    embedded = is_sqlite(connection.engine)
    is_owned = job.owner.user_id is not None
    if embedded:
        statement = _INSERT[is_owned]
    else:
        statement = _insert_with_event(is_owned, row.insert if row else None)
        parameters |= {f"event_{name}": event.get(name) for name in _EVENT_COLUMNS} | (row.parameters if row else {})
    while (written := statement.first(connection, parameters)) is None:
        refuse_disabled(connection, [job.type])  # and if the type was enabled a moment ago, insert it again
    if embedded:
        events.insert_of_actor(connection, event)
    if job.run_at is not None:
        written["run_at"] = job.run_at.astimezone(UTC)
    return with_values(job, written)


def _given(column: str) -> ColumnElement[Any]:
    return bindparam(column, type_=jobs.c[column].type)


def _insert(owned: ColumnElement[bool]) -> Insert:
    values = {
        **{name: _given(name) for name in _WRITTEN},
        "created_at": now(),
        "fair": new_turn(_given("queue"), _given("priority"), owned),
    }
    is_disabled = exists(select(literal_column("1")).where(disabled_types.c.name == _given("type")))
    is_permitted = or_(_given("root_id").is_not(None), ~is_disabled)
    return insert(jobs).from_select(list(values), select(*values.values()).where(is_permitted))


@cache
def _insert_with_event(is_owned: bool, joined: JoinedInsert | None) -> PreparedStatement:  # noqa: FBT001
    created = _INSERTS[is_owned].returning(jobs.c.id, jobs.c.attempt, *_SET_BY_DATABASE).cte("created")
    further: dict[str, ColumnElement[Any]] = {
        name: bindparam(f"event_{name}", type_=type_) for name, type_ in _EVENT_COLUMNS.items()
    }
    event = events.insert_from(
        created, job_id=created.c.id, name=EventName.CREATED, attempt=created.c.attempt, **further
    )
    further_rows = [event.cte("event"), *([joined.for_each(created)] if joined else ())]
    return PreparedStatement(select(created.c.created_at, created.c.fair).add_cte(*further_rows))


_EVENT_COLUMNS: Mapping[str, TypeEngine[Any]] = {
    "actor_id": Uuid(),
    "detail": String(),
    "request_id": String(),
    "trace_parent": String(),
}
_OWNED: Mapping[bool, ColumnElement[bool]] = {
    False: jobs.c.owner_id.is_(None),
    True: jobs.c.owner_id == _given("owner_id"),
}
_INSERTS = {owned: _insert(is_theirs) for owned, is_theirs in _OWNED.items()}
_INSERT = {owned: PreparedStatement(statement.returning(*_SET_BY_DATABASE)) for owned, statement in _INSERTS.items()}
