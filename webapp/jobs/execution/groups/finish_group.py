"""End several attempts at once: short jobs that have completed one after the other, and reported nothing else.

All of them are lone jobs, or children of the same root; see `finish_attempt`. Each keeps the times at which it
began and ended.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Insert,
    Integer,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.exc import DataError
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.db.engine import is_sqlite
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.lifecycle.finish_attempt import (
    ALONE,
    AttemptLocation,
    FamilyShape,
    is_count_refused,
    root_update,
    with_child_count,
)
from webapp.jobs.model.job import COMPLETE, EventName, Job, Status
from webapp.jobs.queueing.claim import with_claim_after
from webapp.jobs.queueing.next_claim import NextClaim
from webapp.jobs.store import events, signals, transitions
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import attempts as attempt_rows
from webapp.schema import jobs
from webapp.schema.columns import UtcDateTime

_TYPES: dict[str, Any] = {
    "job_id": Uuid(),
    "number": Integer(),
    "started_at": UtcDateTime(),
    "finished_at": UtcDateTime(),
    "cpu_seconds": Float(),
    "peak_memory": BigInteger(),
}
_UTC_OFFSET = "+00:00"
_COUNT = bindparam("group_count", type_=Integer())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedAttempt:
    """An attempt that has completed; memory is in bytes."""

    job: Job
    started_at: datetime
    finished_at: datetime
    cpu_seconds: float | None
    peak_memory: int | None


def complete_group(
    connection: Connection,
    completed: Sequence[CompletedAttempt],
    location: AttemptLocation,
    next_claim: NextClaim | None = None,
) -> None:
    """End attempts of lone jobs or of children of one root; make the ``next_claim`` too.

    Raises `LeaseLost` if one of them does not hold its job any more, or its end affects other jobs; then nothing is
    written, or the caller rolls back, and ends each of them by itself. One statement on PostgreSQL; on SQLite the
    caller needs a transaction.
    """
    sqlite = is_sqlite(connection.engine)
    parameters = {
        "group": json.dumps([_document(one, sqlite=sqlite) for one in completed]),
        "group_count": len(completed),
        "attempt_worker": location.worker,
        "attempt_host": location.host,
        "attempt_pid": location.pid,
        "its_root": completed[0].job.root_id,
        **(next_claim.parameters if next_claim else {}),
    }
    shape = FamilyShape.CHILD if completed[0].job.root_id else FamilyShape.LONE
    write = _complete_in_several_statements if sqlite else _complete_in_one_statement
    if not write(connection, shape, parameters, next_claim):
        raise LeaseLost
    ids = [one.job.id for one in completed]
    signals.send_after_commit(connection, signals.job_completed, ids)


def _document(completed: CompletedAttempt, *, sqlite: bool) -> dict[str, Any]:
    return {
        "job_id": completed.job.id.hex,
        "number": completed.job.attempt,
        "started_at": _text_of(completed.started_at, sqlite=sqlite),
        "finished_at": _text_of(completed.finished_at, sqlite=sqlite),
        "cpu_seconds": completed.cpu_seconds,
        "peak_memory": completed.peak_memory,
    }


def _text_of(at: datetime, *, sqlite: bool) -> str:
    """Return a time as SQLite stores it, in UTC, or as PostgreSQL reads it."""
    text = at.astimezone(UTC).isoformat(" ", "microseconds")
    return text.removesuffix(_UTC_OFFSET) if sqlite else text


def _complete_in_several_statements(
    connection: Connection, shape: FamilyShape, parameters: dict[str, Any], next_claim: NextClaim | None
) -> bool:
    if _update_jobs(shape).count(connection, parameters) != parameters["group_count"]:
        return False
    if shape is FamilyShape.CHILD and not _COUNT_CHILDREN.execute(connection, parameters):
        return False
    _INSERT_ATTEMPTS.execute(connection, parameters)
    _INSERT_EVENTS.execute(connection, parameters)
    if next_claim:
        next_claim.execute(connection)
    return True


def _complete_in_one_statement(
    connection: Connection, shape: FamilyShape, parameters: dict[str, Any], next_claim: NextClaim | None
) -> bool:
    try:
        rows = _complete_with_rows(shape, next_claim.size if next_claim else 0).all(connection, parameters)
    except DataError as error:
        if is_count_refused(error):
            return False
        raise
    if next_claim:
        next_claim.set_rows([row for row in rows if row["id"]])
    return True


def _group_in_sqlite() -> FromClause:
    each = func.json_each(bindparam("group", type_=String())).table_valued("value")
    values = [
        type_coerce(func.json_extract(each.c.value, literal_column(f"'$.{name}'")), type_).label(name)
        for name, type_ in _TYPES.items()
    ]
    return select(*values).select_from(each).subquery("ended_now")


def _group_in_postgresql() -> FromClause:
    document = cast(bindparam("group", type_=String()), JSON)
    columns = [column(name, type_) for name, type_ in _TYPES.items()]
    return func.json_to_recordset(document).table_valued(*columns).render_derived(name="ended_now", with_types=True)


def _jobs_update(shape: FamilyShape, group: FromClause) -> ReturningUpdate[Any]:
    statement = transitions.ended.update(
        Status.COMPLETED,
        by_id=True,
        progress=COMPLETE,
        cancel_kind=None,
        lease_id=None,
        started_at=group.c.started_at,
        finished_at=group.c.finished_at,
        heartbeat_at=group.c.finished_at,
    ).where(jobs.c.id == group.c.job_id, jobs.c.attempt == group.c.number, *ALONE)
    if shape is FamilyShape.LONE:
        statement = statement.where(jobs.c.root_id.is_(None))
    return statement.returning(jobs.c.id)


@cache
def _update_jobs(shape: FamilyShape) -> PreparedStatement:
    return PreparedStatement(_jobs_update(shape, _group_in_sqlite()))


def _attempts_of(group: FromClause) -> Insert:
    common: dict[str, ColumnElement[Any]] = {
        "outcome": literal(EventName.COMPLETED.value),
        "worker": bindparam("attempt_worker", type_=String()),
        "host": bindparam("attempt_host", type_=String()),
        "pid": bindparam("attempt_pid", type_=Integer()),
    }
    columns: dict[str, ColumnElement[Any]] = {**{name: group.c[name] for name in _TYPES}, **common}
    return insert(attempt_rows).from_select(list(columns), select(*columns.values()).select_from(group))


def _events_of(group: FromClause) -> Insert:
    return events.insert_from(
        group, job_id=group.c.job_id, name=EventName.COMPLETED, attempt=group.c.number, at=group.c.finished_at
    )


_INSERT_ATTEMPTS = PreparedStatement(_attempts_of(_group_in_sqlite()))
_INSERT_EVENTS = PreparedStatement(_events_of(_group_in_sqlite()))
_COUNT_CHILDREN = PreparedStatement(root_update(Status.COMPLETED, _COUNT))


@cache
def _complete_with_rows(shape: FamilyShape, claims: int) -> PreparedStatement:
    group = _group_in_postgresql()
    update_of_jobs = _jobs_update(shape, group).returning(*(group.c[name] for name in _TYPES))
    ended = update_of_jobs.cte("ended")
    all_ended = select(func.count()).select_from(ended).scalar_subquery() == _COUNT
    result = select(cast(all_ended, Integer).label("all_ended")).cte("result")  # one row
    written: Select[Any] = select((literal_column("1") / result.c.all_ended).label("refused_unless_all"))
    if shape is FamilyShape.CHILD:
        counted = root_update(Status.COMPLETED, _COUNT).where(
            select(result.c.all_ended).scalar_subquery() == literal_column("1")
        )
        written = with_child_count(written, counted.cte("counted"))
    written = written.add_cte(_attempts_of(ended).cte("attempt_rows"), _events_of(ended).cte("event_rows"))
    all_written = select(result.c.all_ended).scalar_subquery() == literal_column("1")
    return PreparedStatement(with_claim_after(all_written, written, claims) if claims else written)
