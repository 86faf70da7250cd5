"""Insert many jobs that differ only in id and payload, in one statement (SQLite: two).

Their common columns are sent once; the ids and payloads are sent as one JSON document, which the
database unpacks.
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

_OWN_COLUMNS = {"id", "payload", "fair"}
_common_values = attrgetter(*(field.name for field in fields(Job) if field.name not in {"id", "payload"}))


def are_alike(new: Sequence[Job]) -> bool:
    """Return whether jobs differ only in their ids and payloads."""
    first = _common_values(new[0])
    return all(_common_values(job) == first for job in new)


def insert_alike(
    connection: Connection, model: Job, ids: Sequence[UUID], payloads: Sequence[Mapping[str, Any]]
) -> None:
    """Write jobs like ``model``, each with its own id and payload, and their first events.

    Their turns are consecutive; the first job has the model's turn.
    """
    document = json.dumps({job_id.hex: payload for job_id, payload in zip(ids, payloads, strict=True)})
    write = _insert_in_two if is_sqlite(connection.engine) else _insert_in_one
    write(connection, model, document)


def _insert_in_two(connection: Connection, model: Job, document: str) -> None:
    rows = func.json_each(literal(document, String)).table_valued("key", "value", column("id", Integer))
    place = func.row_number().over(order_by=rows.c.id)
    job_id = type_coerce(rows.c.key, Uuid)
    connection.execute(_insert(model, rows, id=job_id, payload=rows.c.value, fair=place))
    connection.execute(_insert_events(model, job_id, rows))


def _insert_in_one(connection: Connection, model: Job, document: str) -> None:
    document_rows = func.json_each(cast(literal(document, String), JSON))
    rows = document_rows.table_valued("key", "value", with_ordinality="place").render_derived(name="rows")
    payload = cast(rows.c.value, jobs.c.payload.type)
    own = _insert(model, rows, id=cast(rows.c.key, Uuid), payload=payload, fair=rows.c.place)
    inserted = own.returning(jobs.c.id).cte("inserted")
    event = _insert_events(model, inserted.c.id, inserted)
    connection.execute(select(func.count()).select_from(inserted).add_cte(event.cte("event")))


def _insert(model: Job, rows: FromClause, **own: ColumnElement[Any]) -> Insert:
    common = {
        name: literal(value, jobs.c[name].type) for name, value in to_row(model).items() if name not in _OWN_COLUMNS
    }
    own["fair"] = literal(model.fair - 1) + own["fair"]
    columns: dict[str, ColumnElement[Any]] = {**common, "created_at": now(), **own}
    return insert(jobs).from_select(list(columns), select(*columns.values()).select_from(rows))


def _insert_events(model: Job, job_id: ColumnElement[Any], source: FromClause) -> Insert:
    return events.insert_from(
        source,
        job_id=job_id,
        name=EventName.CREATED,
        attempt=literal(model.attempt),
        actor_id=literal(model.triggered_by, Uuid),
        detail=literal(""),
        **{name: literal(value, String) for name, value in events.origin_of_event().items()},
    )
