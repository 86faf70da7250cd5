"""End an attempt: the job's row behind the fence, the attempt's row and the event, in one transaction.

The common cases need no other row: a job without children, root or dependents, and a child whose
root waits for further children, which is counted in the same statement. Every other end has
consequences and is left to ``finish_family.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Integer,
    Numeric,
    Select,
    String,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.db.engine import is_sqlite
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.model.job import COMPLETE, NOT_STARTED, TERMINAL, UNCOUNTED, EventName, Job, Status
from webapp.jobs.model.rollup import DECIMALS, ChildCounts
from webapp.jobs.queueing.claim import with_claim_after
from webapp.jobs.queueing.next_claim import NextClaim
from webapp.jobs.store import events, signals, transitions
from webapp.jobs.store.fence import HAS_FENCE, Fence, LeaseLost, fence_parameters
from webapp.schema import attempts as attempt_rows
from webapp.schema import jobs, later, now


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLocation:
    """The process that runs an attempt."""

    worker: str
    host: str
    pid: int


class Asks(Protocol):
    """A question that ends an attempt."""

    @property
    def asked_of(self) -> str:
        """Whom it asks."""

    def record(self, connection: Connection, job: Job) -> None:
        """Write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of an attempt. ``error`` is shown to users, ``traceback`` to admins; memory is in bytes."""

    status: Status
    outcome: EventName
    error: str | None = None
    key: str = ""  # of the translation of ``error``, with its parameters
    parameters: Mapping[str, Any] | None = None
    traceback: str | None = None
    cancel_kind: str | None = None
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    longest_silence: float | None = None  # seconds
    retry_in: float | None = None  # seconds until the next attempt, with Status.SCHEDULED
    asks: Asks | None = None  # with Status.HELD


_ENDED = (  # the parameter new_status says how
    transitions.ended.update(
        bindparam("new_status"),
        by_id=True,
        cancel_kind=bindparam("new_cancel_kind"),
        lease_id=None,
        finished_at=now(),
        heartbeat_at=now(),
    )
    .where(*HAS_FENCE)
    .returning(jobs.c.id, jobs.c.attempt)
)
_COMPLETED = _ENDED.values(progress=100.0)
_NOT_COUNTED: Mapping[str, Any] = MappingProxyType(
    {name: jobs.c[name] + bindparam("attempts_given_back") for name in ("max_attempts", "uncounted_attempts")}
)
_HANDED_BACK = (
    transitions.handed_back.update(
        by_id=True,
        lease_id=None,
        **_NOT_COUNTED,
        interruptions=jobs.c.interruptions + bindparam("new_interruptions"),
        # what did not fit into its process continues in one of its own
        own_process=or_(jobs.c.own_process, bindparam("continues", type_=Boolean())),
    )
    .where(*HAS_FENCE)
    .returning(jobs.c.id, jobs.c.attempt)
)
_SCHEDULED = (
    transitions.retry_scheduled.update(
        by_id=True,
        lease_id=None,
        **_NOT_COUNTED,
        run_at=later(bindparam("retry_in", type_=Float())),
    )
    .where(*HAS_FENCE)
    .returning(jobs.c.id, jobs.c.attempt)
)
_ASKED = (
    transitions.put_down.update(
        # one that was asked to stop meanwhile waits for nobody: its next start sees the request
        case((jobs.c.cancel_requested_at.is_(None), Status.HELD.value), else_=Status.QUEUED.value),
        by_id=True,
        asked_of=case((jobs.c.cancel_requested_at.is_(None), bindparam("asks_whom", type_=String()))),
        lease_id=None,
        run_at=None,
        started_at=None,
        **_NOT_COUNTED,
    )
    .where(*HAS_FENCE)
    .returning(jobs.c.id, jobs.c.attempt)
)
# What a job that starts again keeps of what it has reported. A slice is no attempt: the next one continues it. A
# postponed attempt continues too, but the time that it waits is not part of any run. The message gives the reason.
_KEPT: Mapping[EventName, frozenset[str]] = MappingProxyType(
    {
        EventName.CONTINUED: frozenset(NOT_STARTED),
        EventName.POSTPONED: frozenset(NOT_STARTED) - {"started_at"},
        EventName.RETRY_LATER: frozenset({"message"}),
    }
)
_WAITING = (
    transitions.waiting_for_children.update(by_id=True, lease_id=None)
    .where(*HAS_FENCE)
    .returning(jobs.c.id, jobs.c.attempt)
)
_STATEMENTS = {
    Status.COMPLETED: _COMPLETED,
    Status.QUEUED: _HANDED_BACK,
    Status.SCHEDULED: _SCHEDULED,
    Status.HELD: _ASKED,
    Status.WAITING: _WAITING,
}
_STARTS_AGAIN = frozenset({Status.QUEUED, Status.SCHEDULED})
_ATTEMPT_COLUMNS = (
    "outcome",
    "worker",
    "host",
    "pid",
    "started_at",
    "error",
    "traceback",
    "peak_memory",
    "cpu_seconds",
    "longest_silence",
)
ITS_ROOT = bindparam("its_root", type_=Uuid())  # a parameter, so that the plan always uses the primary key
_ONE = literal_column("1", Integer)
_DIVISION_BY_ZERO = "22012"
ALONE = (jobs.c.parts == 0, jobs.c.has_dependents.is_(False))
_INSERT_ATTEMPT = PreparedStatement(
    insert(attempt_rows).values(finished_at=now()).inline(), columns=("job_id", "number", *_ATTEMPT_COLUMNS)
)


class FamilyShape(Enum):
    """What a job may have for its attempt to end in one statement."""

    ANY = "any"  # the caller handles all consequences
    LONE = "lone"  # no children, root or dependents
    CHILD = "child"  # no children or dependents, and the root waits for further children


def family_shape_of(job: Job, ending: Ending) -> FamilyShape:
    """Return the shape to try first; if `end_attempt` raises `LeaseLost`, use ``finish_family.py``."""
    return FamilyShape.CHILD if job.root_id and ending.status in TERMINAL else FamilyShape.LONE


def end_attempt(
    connection: Connection,
    job: Job,
    location: AttemptLocation,
    ending: Ending,
    *,
    shape: FamilyShape = FamilyShape.ANY,
    next_claim: NextClaim | None = None,
    **columns: Any,
) -> None:
    """End a running attempt: write the job's row, the attempt's row and the event; make the ``next_claim`` too.

    A status that is not terminal returns the job to its queue. ``columns`` are the last values of
    the job's row (progress, warnings, …). Raises `LeaseLost` if the attempt no longer holds the job,
    or if the job does not have the ``shape``; then nothing is written, or the caller rolls back.
    This is one statement on PostgreSQL. SQLite cannot write two tables in one statement, so the
    caller needs a transaction.
    """
    parameters = {
        **fence_parameters(Fence(job_id=job.id, attempt=job.attempt)),
        **_job_parameters(ending),
        **_attempt_parameters(job, location, ending),
        "its_root": job.root_id,
        **{f"last_{name}": value for name, value in columns.items()},
        **(next_claim.parameters if next_claim else {}),
    }
    kept = _KEPT.get(ending.outcome, frozenset())
    if ending.status in _STARTS_AGAIN:
        columns = {name: value for name, value in columns.items() if name in kept or name not in NOT_STARTED}
    write = _end_in_several_statements if is_sqlite(connection.engine) else _end_in_one_statement
    key = _StatementKey(ending.status, tuple(sorted(columns)), shape, kept)
    if not write(connection, key, parameters, next_claim):
        raise LeaseLost
    if ending.asks is not None:
        ending.asks.record(connection, job)
    if ending.outcome != EventName.CONTINUED:
        signals.send_transition_after_commit(connection, job.id, Status.RUNNING, ending.status)


class _StatementKey(NamedTuple):
    """What a statement depends on. Few keys occur, so each statement is built once."""

    status: Status
    columns: tuple[str, ...]
    shape: FamilyShape
    kept: frozenset[str]  # columns that a job keeps although it starts again


def _end_in_several_statements(
    connection: Connection, key: _StatementKey, parameters: dict[str, Any], next_claim: NextClaim | None
) -> bool:
    if not _update_job(key).execute(connection, parameters):
        return False
    if key.shape is FamilyShape.CHILD and not _count_child(key.status).execute(connection, parameters):
        return False
    job_id, number = parameters["fence_job"], parameters["fence_attempt"]
    attempt = {name: parameters[f"attempt_{name}"] for name in _ATTEMPT_COLUMNS}
    _INSERT_ATTEMPT.execute(connection, {"job_id": job_id, "number": number, **attempt})
    events.insert_one(connection, job_id=job_id, name=attempt["outcome"], attempt=number, detail=attempt["error"] or "")
    if next_claim:
        next_claim.execute(connection)
    return True


def _end_in_one_statement(
    connection: Connection, key: _StatementKey, parameters: dict[str, Any], next_claim: NextClaim | None
) -> bool:
    try:
        rows = _end_with_rows(key, claims=next_claim.size if next_claim else 0).all(connection, parameters)
    except DataError as error:
        if is_count_refused(error):
            return False
        raise
    if next_claim and rows:
        next_claim.set_rows([row for row in rows if row["id"]])
    return bool(rows)


@cache
def _update_job(key: _StatementKey) -> PreparedStatement:
    return PreparedStatement(_job_update(key))


def _job_update(key: _StatementKey) -> ReturningUpdate[UUID, int]:
    statement = _STATEMENTS.get(key.status, _ENDED)
    if key.kept:
        statement = statement.values({name: jobs.c[name] for name in key.kept})
    last = {name: bindparam(f"last_{name}", type_=jobs.c[name].type) for name in key.columns if name != "progress"}
    if "progress" in key.columns and key.status is not Status.COMPLETED:  # a completed job is at 100
        last["progress"] = bindparam("last_progress")
    if key.shape is not FamilyShape.ANY:
        statement = statement.where(*ALONE)
    if key.shape is FamilyShape.LONE:
        statement = statement.where(jobs.c.root_id.is_(None))
    return statement.values(last) if last else statement


@cache
def _end_with_rows(key: _StatementKey, *, claims: int) -> PreparedStatement:
    ended = _job_update(key).cte("ended")
    # with a prefix: a parameter with the name of a column would be set in the UPDATE
    values = {name: bindparam(f"attempt_{name}", type_=attempt_rows.c[name].type) for name in _ATTEMPT_COLUMNS}
    attempt = insert(attempt_rows).from_select(
        ["job_id", "number", "finished_at", *values], select(ended.c.id, ended.c.attempt, now(), *values.values())
    )
    event = events.insert_from(
        ended,
        job_id=ended.c.id,
        name=values["outcome"],
        attempt=ended.c.attempt,
        detail=func.coalesce(values["error"], ""),
    )
    written = select(ended.c.id.label("ended_id")).add_cte(attempt.cte("attempt_row"), event.cte("event_row"))
    last = ended
    if key.shape is FamilyShape.CHILD:
        last = _counted_root(ended, key.status)
        written = with_child_count(written, last)
    return PreparedStatement(with_claim_after(select(last.c.id).exists(), written, claims) if claims else written)


def _job_parameters(ending: Ending) -> dict[str, Any]:
    given_back = {"attempts_given_back": int(ending.outcome in UNCOUNTED)}
    if ending.status is Status.QUEUED:
        return {
            **given_back,
            "new_interruptions": int(ending.outcome == EventName.INTERRUPTED),
            "continues": ending.outcome == EventName.CONTINUED,
        }
    if ending.status is Status.SCHEDULED:
        return {"retry_in": ending.retry_in, **given_back}
    if ending.status is Status.HELD and ending.asks is not None:
        return {"asks_whom": ending.asks.asked_of, **given_back}
    if ending.status is Status.WAITING:
        return {}
    return {"new_status": ending.status.value, "new_cancel_kind": ending.cancel_kind}


def _attempt_parameters(job: Job, location: AttemptLocation, ending: Ending) -> dict[str, Any]:
    return {
        "attempt_outcome": ending.outcome,
        "attempt_worker": location.worker,
        "attempt_host": location.host,
        "attempt_pid": location.pid,
        # the row of a slice has its own time; the row of the last one has that of the whole attempt
        "attempt_started_at": job.heartbeat_at if ending.outcome == EventName.CONTINUED else job.started_at,
        "attempt_error": ending.error,
        "attempt_traceback": ending.traceback,
        "attempt_peak_memory": ending.peak_memory,
        "attempt_cpu_seconds": ending.cpu_seconds,
        "attempt_longest_silence": ending.longest_silence,
    }


@cache
def _count_child(status: Status) -> PreparedStatement:
    return PreparedStatement(root_update(status, _ONE))


def root_update(status: Status, count: ColumnElement[int]) -> ReturningUpdate[Any]:
    """Count children that have ended in ``status`` at their root, if the root waits for further children."""
    counters = {f"parts_{name}": jobs.c[f"parts_{name}"] + count for name in ChildCounts().counters_for(status)}
    done = jobs.c.parts_completed + jobs.c.parts_failed - jobs.c.parts_stale
    if status in {Status.COMPLETED, Status.FAILED}:
        done += count
    progress = func.round(cast(COMPLETE * done / jobs.c.parts, Numeric), DECIMALS)
    return (
        update(jobs)
        .where(jobs.c.id == ITS_ROOT, *_waits_for_more(jobs, count))
        .values({**counters, "progress": progress, "version": jobs.c.version + 1})
        .returning(jobs.c.id)
    )


def _counted_root(ended: CTE, status: Status) -> CTE:
    return root_update(status, _ONE).where(select(ended.c.id).exists()).cte("counted")


def with_child_count(written: Select[Any], counted_root: CTE) -> Select[Any]:
    """Count a child at its root in the statement that ends it (PostgreSQL), or write nothing at all.

    One part of a statement cannot undo another part, but an error undoes all of it. So the
    statement divides by zero if no root was updated. It locks the child first, then the root.
    """
    count = select(func.count()).select_from(counted_root).scalar_subquery()
    return written.add_columns((literal_column("1") / count).label("counted"))


def is_count_refused(error: DBAPIError) -> bool:
    """Return whether a child's end was undone because its root does not wait for further children."""
    return getattr(error.orig, "sqlstate", "") == _DIVISION_BY_ZERO


def _waits_for_more(root: FromClause, ended_now: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    ended = root.c.parts_completed + root.c.parts_failed + root.c.parts_cancelled
    return root.c.status == literal_column("'waiting'"), root.c.parts - ended > ended_now
