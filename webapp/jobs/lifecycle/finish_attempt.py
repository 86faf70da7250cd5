"""How an attempt ends: one move of the job behind the fence, the attempt's row, and the event, all or nothing.

Counting: the end of one child in its root's row, while the root waits for further children.

The child that ends its root is left to aftermath.py, and so is whatever else has consequences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Numeric,
    Select,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.db.engine import is_sqlite
from webapp.jobs.model.job import COMPLETE, TERMINAL, EventName, Job, Status
from webapp.jobs.model.rollup import DECIMALS, ChildCounts
from webapp.jobs.store import events, signals, transitions
from webapp.jobs.store.fence import OF_ATTEMPT, Fence, LeaseLost, bound
from webapp.schema import attempts as attempt_rows
from webapp.schema import jobs, later, now

_UNCOUNTED = frozenset({EventName.INTERRUPTED, EventName.CONTINUED, EventName.UNKNOWN_TYPE})  # use up no attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Horse:
    """Where an attempt runs."""

    worker: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended. ``error`` is for people, ``traceback`` for admins; bytes and seconds."""

    status: Status
    outcome: EventName
    error: str | None = None
    key: str = ""  # of the error's translation, and what fills it
    parameters: Mapping[str, Any] | None = None
    traceback: str | None = None
    cancel_kind: str | None = None
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    retry_in: float | None = None  # seconds until the next attempt, with Status.SCHEDULED


_ENDED = (
    transitions.ended.update(
        bindparam("new_status"),
        cancel_kind=bindparam("new_cancel_kind"),
        lease_id=None,
        finished_at=now(),
        heartbeat_at=now(),
    )
    .where(*OF_ATTEMPT)
    .returning(jobs.c.id, jobs.c.attempt)
)
_COMPLETED = _ENDED.values(progress=100.0)
_HANDED_BACK = (
    transitions.handed_back.update(
        lease_id=None,
        max_attempts=jobs.c.max_attempts + bindparam("tries_given_back"),
        interruptions=jobs.c.interruptions + bindparam("interrupted_once_more"),
    )
    .where(*OF_ATTEMPT)
    .returning(jobs.c.id, jobs.c.attempt)
)
_SCHEDULED = (
    transitions.retry_scheduled.update(
        lease_id=None,
        max_attempts=jobs.c.max_attempts + bindparam("tries_given_back"),
        run_at=later(bindparam("retry_in", type_=Float())),
    )
    .where(*OF_ATTEMPT)
    .returning(jobs.c.id, jobs.c.attempt)
)
_WAITING = (
    transitions.waiting_for_children.update(lease_id=None).where(*OF_ATTEMPT).returning(jobs.c.id, jobs.c.attempt)
)
_MOVES = {
    Status.COMPLETED: _COMPLETED,
    Status.QUEUED: _HANDED_BACK,
    Status.SCHEDULED: _SCHEDULED,
    Status.WAITING: _WAITING,
}
_TOLD = ("outcome", "worker", "host", "pid", "started_at", "error", "traceback", "peak_memory", "cpu_seconds")
_INSERT_ATTEMPT = insert(attempt_rows).values(finished_at=now())


class Kin(Enum):
    """What an ending may leave out of account: a lone job's has no consequences, a child's is only counted."""

    ANY = "any"
    LONE = "lone"
    CHILD = "child"


def kin_of(job: Job, ending: Ending) -> Kin:
    """Say as what a job's attempt is to be ended first; where that is refused, families.py does it."""
    return Kin.CHILD if job.root_id and ending.status in TERMINAL else Kin.LONE


def end(connection: Connection, job: Job, horse: Horse, ending: Ending, *, kin: Kin = Kin.ANY, **words: Any) -> None:
    """End a running attempt: the job's row, the attempt's row and the event, together.

    A status that is not terminal hands the job back to its queue. ``words`` are the last ones
    for the job's row (progress, warnings, …). Raises `LeaseLost` if the attempt is not the
    job's any more, or if its end has more consequences than ``kin`` says: a `Kin.LONE` job has
    no children, root or dependents, the root of a `Kin.CHILD` waits for further children. Nothing
    is written then, or the caller undoes it. On PostgreSQL it is one statement; on SQLite, which
    cannot write two tables in one, the caller has a transaction around it.
    """
    parameters = {
        **bound(Fence(job_id=job.id, attempt=job.attempt)),
        **_move(ending),
        **_told(job, horse, ending),
        "its_root": job.root_id,
        **{f"word_{name}": value for name, value in words.items()},
    }
    write = _end_in_three if is_sqlite(connection.engine) else _end_in_one
    if not write(connection, _Shape(ending.status, tuple(sorted(words)), kin), parameters):
        raise LeaseLost
    if ending.outcome != EventName.CONTINUED:
        signals.note_move(connection, job.id, Status.RUNNING, ending.status)


class _Shape(NamedTuple):
    """What a statement that ends an attempt depends on; few shapes ever occur, each is built once."""

    status: Status
    words: tuple[str, ...]
    kin: Kin


def _end_in_three(connection: Connection, shape: _Shape, parameters: dict[str, Any]) -> bool:
    if connection.execute(_moved(shape), parameters).first() is None:
        return False
    if shape.kin is Kin.CHILD and connection.execute(counted(shape.status), parameters).first() is None:
        return False
    job_id, number, told = parameters["fence_job"], parameters["fence_attempt"], _untold(parameters)
    connection.execute(_INSERT_ATTEMPT, {"job_id": job_id, "number": number, **told})
    events.insert(
        connection,
        [{"job_id": job_id, "attempt": number, "name": told["outcome"], "detail": told["error"] or ""}],
    )
    return True


def _end_in_one(connection: Connection, shape: _Shape, parameters: dict[str, Any]) -> bool:
    try:
        return connection.execute(_moved_and_noted(shape), parameters).first() is not None
    except DataError as error:
        if is_refused(error):
            return False
        raise


@cache
def _moved(shape: _Shape) -> ReturningUpdate[UUID, int]:
    statement = _MOVES.get(shape.status, _ENDED)
    said = {name: bindparam(f"word_{name}", type_=jobs.c[name].type) for name in shape.words if name != "progress"}
    if "progress" in shape.words and shape.status is not Status.COMPLETED:  # a completed job is at 100
        said["progress"] = bindparam("word_progress")
    if shape.kin is not Kin.ANY:
        statement = statement.where(*ALONE)
    if shape.kin is Kin.LONE:
        statement = statement.where(jobs.c.root_id.is_(None))
    return statement.values(said) if said else statement


@cache
def _moved_and_noted(shape: _Shape) -> Select[Any]:
    ended = _moved(shape).cte("ended")
    # prefixed, as a parameter named like a column of the update would be set there
    told = {name: bindparam(f"told_{name}", type_=attempt_rows.c[name].type) for name in _TOLD}
    attempt = insert(attempt_rows).from_select(
        ["job_id", "number", "finished_at", *told], select(ended.c.id, ended.c.attempt, now(), *told.values())
    )
    event = events.insert_from(
        ended,
        job_id=ended.c.id,
        name=told["outcome"],
        attempt=ended.c.attempt,
        detail=func.coalesce(told["error"], ""),
    )
    written = select(ended.c.id).add_cte(attempt.cte("attempted"), event.cte("noted"))
    return or_refused(written, ended, shape.status) if shape.kin is Kin.CHILD else written


def _move(ending: Ending) -> dict[str, Any]:
    given_back = {"tries_given_back": int(ending.outcome in _UNCOUNTED)}
    if ending.status is Status.QUEUED:
        return {**given_back, "interrupted_once_more": int(ending.outcome == EventName.INTERRUPTED)}
    if ending.status is Status.SCHEDULED:
        return {"retry_in": ending.retry_in, **given_back}
    if ending.status is Status.WAITING:
        return {}
    return {"new_status": ending.status.value, "new_cancel_kind": ending.cancel_kind}


def _untold(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[f"told_{name}"] for name in _TOLD}


def _told(job: Job, horse: Horse, ending: Ending) -> dict[str, Any]:
    return {
        "told_outcome": ending.outcome,
        "told_worker": horse.worker,
        "told_host": horse.host,
        "told_pid": horse.pid,
        "told_started_at": job.started_at,
        "told_error": ending.error,
        "told_traceback": ending.traceback,
        "told_peak_memory": ending.peak_memory,
        "told_cpu_seconds": ending.cpu_seconds,
    }


ITS_ROOT = bindparam("its_root", type_=Uuid())  # given, so that no plan ever walks the table for it
_DIVISION_BY_ZERO = "22012"
ALONE = (jobs.c.parts == 0, jobs.c.has_dependents.is_(False))


@cache
def counted(status: Status) -> ReturningUpdate[Any]:
    """Count one more child that has ended in ``status`` at the root that the parameter ``its_root`` names."""
    kind = ChildCounts().counter_for(status)
    figure = jobs.c[f"parts_{kind}"]
    done = jobs.c.parts_completed + jobs.c.parts_failed + int(kind != "cancelled")
    progress = func.round(cast(COMPLETE * done / jobs.c.parts, Numeric), DECIMALS)
    return (
        update(jobs)
        .where(jobs.c.id == ITS_ROOT, *_waits_for_more(jobs))
        .values({figure: figure + 1, "progress": progress, "version": jobs.c.version + 1})
        .returning(jobs.c.id)
    )


def or_refused(written: Select[Any], ended: CTE, status: Status) -> Select[Any]:
    """Let a child's end on PostgreSQL be counted in its own statement, or undo all of that.

    Nothing in one statement can take back what another part of it wrote, but an error does: where
    no root was counted, it divides by zero. So the child is locked first and the root after it,
    each once.
    """
    counted_root = counted(status).where(select(ended.c.id).exists()).cte("counted")
    count = select(func.count()).select_from(counted_root).scalar_subquery()
    return written.add_columns(literal_column("1") / count)


def is_refused(error: DBAPIError) -> bool:
    """Tell whether a child's end was undone because its root did not wait for more."""
    return getattr(error.orig, "sqlstate", "") == _DIVISION_BY_ZERO


def _waits_for_more(root: FromClause) -> tuple[ColumnElement[bool], ...]:
    ended = root.c.parts_completed + root.c.parts_failed + root.c.parts_cancelled
    return root.c.status == literal_column("'waiting'"), root.c.parts - ended > 1
