"""Many new jobs that are alike but for their payloads, in one or two statements however many they are.

What they have in common is sent once; ids and payloads travel as one JSON document, which the
database takes apart.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    String,
    Uuid,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    type_coerce,
)

from webapp.db.engine import is_sqlite
from webapp.jobs.model.job import EventName, Job
from webapp.jobs.store import events
from webapp.jobs.store.job_store import to_row
from webapp.schema import jobs, now

_OWN = {"id", "payload", "fair"}
_in_common = attrgetter(*(field.name for field in fields(Job) if field.name not in {"id", "payload"}))


def are_alike(new: Sequence[Job]) -> bool:
    """Tell whether jobs differ in nothing but their ids and payloads."""
    first = _in_common(new[0])
    return all(_in_common(job) == first for job in new)


def insert_alike(
    connection: Connection, model: Job, ids: Sequence[UUID], payloads: Sequence[Mapping[str, Any]]
) -> None:
    """Write jobs like ``model``, each with its own id and payload, and their first events.

    They take one turn after the other, the model's first.
    """
    document = json.dumps({one.hex: payload for one, payload in zip(ids, payloads, strict=True)})
    write = _insert_in_two if is_sqlite(connection.engine) else _insert_in_one
    write(connection, model, document)


def _insert_in_two(connection: Connection, model: Job, document: str) -> None:
    lines = func.json_each(literal(document, String)).table_valued("key", "value", column("id", Integer))
    place = func.row_number().over(order_by=lines.c.id)
    job_id = type_coerce(lines.c.key, Uuid)
    connection.execute(_insert(model, lines, id=job_id, payload=lines.c.value, fair=place))
    connection.execute(_created(model, job_id, lines))


def _insert_in_one(connection: Connection, model: Job, document: str) -> None:
    given = func.json_each(cast(literal(document, String), JSON))
    lines = given.table_valued("key", "value", with_ordinality="place").render_derived(name="lines")
    payload = cast(lines.c.value, jobs.c.payload.type)
    own = _insert(model, lines, id=cast(lines.c.key, Uuid), payload=payload, fair=lines.c.place)
    made = own.returning(jobs.c.id).cte("made")
    noted = _created(model, made.c.id, made)
    connection.execute(select(func.count()).select_from(made).add_cte(noted.cte("noted")))


def _insert(model: Job, lines: FromClause, **own: ColumnElement[Any]) -> Insert:
    alike = {name: literal(value, jobs.c[name].type) for name, value in to_row(model).items() if name not in _OWN}
    own["fair"] = literal(model.fair - 1) + own["fair"]
    columns: dict[str, ColumnElement[Any]] = {**alike, "created_at": now(), **own}
    return insert(jobs).from_select(list(columns), select(*columns.values()).select_from(lines))


def _created(model: Job, job_id: ColumnElement[Any], source: FromClause) -> Insert:
    return events.insert_from(
        source,
        job_id=job_id,
        name=EventName.CREATED,
        attempt=literal(model.attempt),
        actor_id=literal(model.triggered_by, Uuid),
        detail=literal(""),
    )
