"""The consequences of a job's end, in the transaction that ends it: its root's counts, and its dependents.

A root counts its ended children in its own row, under that row's lock. So ten thousand children
cost ten thousand small updates and never a recount, and the end of the last child ends the root.
The caller has locked every row that can change here (see ``store/lock_order.py``).

The second part of the module stops jobs without these consequences; ``cancel.py`` combines both.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Update, and_, bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError

from webapp.jobs.model.job import COMPLETE, TERMINAL, EventName, Status
from webapp.jobs.model.rollup import ChildCounts, roll_up
from webapp.jobs.queueing.fair_share import with_new_turns
from webapp.jobs.store import events, signals, transitions
from webapp.schema import dependencies, jobs, now

_predecessors = jobs.alias("predecessors")
_AT_ONCE = 500  # jobs that one statement releases or cancels
_ENDED = tuple(status.value for status in TERMINAL)
_COUNTS: tuple[ColumnElement[Any], ...] = (
    jobs.c.parts,
    *(jobs.c[f"parts_{kind}"] for kind in ("completed", "failed", "cancelled", "stale")),
)


def apply_consequences(connection: Connection, ended: Iterable[UUID]) -> set[str]:
    """Update the roots and dependents of jobs that have just ended, and so on for the jobs that this ends.

    Returns the queues in which jobs can now be claimed.
    """
    woken: set[str] = set()
    job_ids = list(ended)
    while job_ids:
        rows = _read(connection, job_ids)
        job_ids = [*_count_at_roots(connection, rows), *_release_dependents(connection, rows, woken)]
    return woken


def release_dependents(connection: Connection, ended: Iterable[UUID]) -> set[str]:
    """Release or cancel the dependents of jobs that ended earlier; return the queues in which jobs can be claimed."""
    woken: set[str] = set()
    cancelled = _release_dependents(connection, _read(connection, list(ended)), woken)
    return woken | apply_consequences(connection, cancelled)


def update_root(connection: Connection, root_id: UUID) -> bool:
    """Update the progress of a waiting root, and end it if no child is left; return whether it ended."""
    columns: tuple[ColumnElement[Any], ...] = (jobs.c.status, jobs.c.tolerant, jobs.c.attempt, *_COUNTS)
    root = connection.execute(select(*columns).where(jobs.c.id == root_id).with_for_update(key_share=True)).first()
    return root is not None and _update_root(connection, root_id, root)  # None: deleted meanwhile


def child_counts(row: Any) -> ChildCounts:
    """Return the child counts in a root's row."""
    return ChildCounts(
        total=row.parts,
        completed=row.parts_completed,
        failed=row.parts_failed,
        cancelled=row.parts_cancelled,
        stale=row.parts_stale,
    )


def _read(connection: Connection, ids: list[UUID]) -> list[Row[Any]]:
    columns = (jobs.c.id, jobs.c.status, jobs.c.root_id, jobs.c.has_dependents)
    return list(connection.execute(select(*columns).where(jobs.c.id.in_(ids))))


def _count_at_roots(connection: Connection, rows: list[Row[Any]]) -> list[UUID]:
    counts: dict[UUID, Counter[str]] = {}
    for row in rows:
        kinds = ChildCounts().counters_for(Status(row.status))
        if row.root_id and kinds:
            counts.setdefault(row.root_id, Counter()).update(kinds)
    # always in the same order, so that two transactions that end children of the same roots cannot deadlock
    return [root for root in sorted(counts) if _count_at_root(connection, root, counts[root])]


def _count_at_root(connection: Connection, root_id: UUID, ended: Counter[str]) -> bool:
    increments = {f"parts_{kind}": jobs.c[f"parts_{kind}"] + count for kind, count in ended.items()}
    statement = (
        update(jobs)
        .where(jobs.c.id == root_id)
        .values(**increments, version=jobs.c.version + 1)
        .returning(jobs.c.status, jobs.c.tolerant, jobs.c.attempt, *_COUNTS)
    )
    return _update_root(connection, root_id, connection.execute(statement).one())


def _update_root(connection: Connection, root_id: UUID, root: Any) -> bool:
    if root.status != Status.WAITING:
        return False
    counts = child_counts(root)
    status = roll_up(counts, tolerant=root.tolerant)
    progress = COMPLETE if status is Status.COMPLETED else counts.progress
    if status is None:
        statement = update(jobs).values(progress=progress)
        signals.send_after_commit(connection, signals.job_progressed, [root_id])
    else:
        statement = transitions.root_ended.update(
            status, progress=progress, finished_at=now(), **_diagnostics_of(counts, status)
        )
        events.insert(connection, [{"job_id": root_id, "name": EventName(status), "attempt": root.attempt}])
        signals.send_transition_after_commit(connection, root_id, Status.WAITING, status)
    connection.execute(statement.where(jobs.c.id == root_id))
    return status is not None


def _diagnostics_of(counts: ChildCounts, status: Status) -> dict[str, Any]:
    if status is Status.FAILED:
        return {"errors": [{"text": f"{counts.failed} of {counts.total} child jobs failed."}]}
    if status is Status.COMPLETED and counts.failed:
        return {"warnings": [{"text": f"{counts.failed} of {counts.total} child jobs failed."}]}
    if status is Status.CANCELLED:
        return {"cancel_kind": "cooperative"}
    return {}


def _release_dependents(connection: Connection, rows: list[Row[Any]], woken: set[str]) -> list[UUID]:
    """Release the dependents that wait for no other job; return those that are cancelled instead, with children."""
    ended = {row.id: row.status for row in rows if row.has_dependents and row.status in _ENDED}
    if not ended:
        return []
    columns = (dependencies.c.job_id, dependencies.c.after_id, dependencies.c.only_on_success, dependencies.c.waits)
    query = (
        select(*columns, jobs.c.next_key)
        .join(jobs, jobs.c.id == dependencies.c.job_id)
        .where(
            dependencies.c.after_id.in_(list(ended)),
            transitions.released.guard,
            jobs.c.asked_of.is_(None),  # one that waits for an answer has started, and waits for no job any more
        )
        .order_by(dependencies.c.job_id)
    )
    edges = connection.execute(query).all()
    unsatisfied = [edge for edge in edges if edge.only_on_success and ended[edge.after_id] != Status.COMPLETED]
    cancelled = _cancel_dependents(connection, {edge.job_id for edge in unsatisfied if not edge.waits})
    keys = {edge.job_id: edge.next_key for edge in edges}
    for edge in unsatisfied:
        keys.pop(edge.job_id, None)
    woken |= _release_unblocked(connection, [job_id for job_id, key in keys.items() if key is None])
    for job_id, key in keys.items():
        if key is not None:
            woken |= release_unless_blocked(connection, job_id)
    return [*cancelled, *cancel_children(connection, cancelled)]


def _cancel_dependents(connection: Connection, job_ids: set[UUID]) -> list[UUID]:
    """Cancel held jobs; return those that were held."""
    statement = transitions.cancelled_while_held.update(cancel_kind="before_start", finished_at=now())
    why = "A job that this one depends on did not complete."
    return [
        job_id
        for some in _batches(sorted(job_ids))
        for job_id in _cancel(connection, statement.where(jobs.c.id.in_(some)), by=None, why=why)
    ]


def _release_unblocked(connection: Connection, job_ids: list[UUID]) -> set[str]:
    """Release held jobs without a key that wait for no other job and no approval; return the queues of those released.

    The caller has locked them, so that of two predecessors that end at once, the second one sees that the first has
    ended.
    """
    return {
        queue
        for some in _batches(job_ids)
        for queue in connection.execute(_RELEASE_UNBLOCKED, {"held_jobs": some}).scalars()
    }


def _batches(ids: list[UUID]) -> Iterator[list[UUID]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def cancel_children(connection: Connection, roots: list[UUID]) -> list[UUID]:
    """Cancel the children of roots that were cancelled before they started; return those that have ended with it."""
    if not roots:
        return []
    is_child = jobs.c.root_id.in_(roots)
    request_stop(connection, is_child)
    return cancel_unstarted(connection, is_child)


def release_unless_blocked(connection: Connection, job_id: UUID) -> set[str]:
    """Release a held job that waits for no other job, no key and no approval; return its queue if it was released.

    The caller has locked it.
    """
    # The row is locked before the other predecessors are looked at: of two predecessors that end at
    # once, the second one sees that the first has ended.
    columns = (jobs.c.queue, jobs.c.next_key)
    row = connection.execute(select(*columns).where(jobs.c.id == job_id, transitions.released.guard)).first()
    if row is None or connection.execute(_blocking(job_id).limit(1)).first():
        return set()
    release = release_with_key if row.next_key is not None else _release
    return {row.queue} if release(connection, job_id) else set()


def release_with_key(connection: Connection, job_id: UUID) -> bool:
    """Release a held job with the key that it waited for; return False while another job holds the key."""
    try:
        with connection.begin_nested():
            return connection.execute(_RELEASE_WITH_KEY, {"held_job": job_id}).rowcount == 1
    except IntegrityError:
        return False


def _release(connection: Connection, job_id: UUID) -> bool:
    return connection.execute(_RELEASE, {"held_job": job_id}).rowcount == 1


def _blocking(job_id: UUID | ColumnElement[UUID]) -> Select[Any]:
    """Select the predecessors for which a job waits.

    One that did not complete and ended together with another is handled next: a root after its last child, for
    example. Until then it still blocks the job.
    """
    not_completed = and_(dependencies.c.only_on_success, _predecessors.c.status != Status.COMPLETED)
    return (
        select(dependencies.c.after_id)
        .join(_predecessors, _predecessors.c.id == dependencies.c.after_id)
        .where(dependencies.c.job_id == job_id, or_(_predecessors.c.status.not_in(_ENDED), not_completed))
    )


_RELEASE_UNBLOCKED = with_new_turns(
    transitions.released.update(transitions.WHEN_RELEASED, by_id=True),
    jobs.c.id.in_(bindparam("held_jobs", expanding=True)),
    transitions.released.guard,
    jobs.c.next_key.is_(None),
    ~_blocking(jobs.c.id).exists(),
).returning(jobs.c.queue)
_RELEASE = with_new_turns(
    transitions.released.update(transitions.WHEN_RELEASED, by_id=True), jobs.c.id == bindparam("held_job")
)
_RELEASE_WITH_KEY = with_new_turns(
    transitions.released.update(transitions.WHEN_RELEASED, by_id=True, unique_key=jobs.c.next_key, next_key=None),
    jobs.c.id == bindparam("held_job"),
)


def cancel_unstarted(connection: Connection, condition: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """Cancel the jobs that have not started; return their ids."""
    statement = transitions.cancelled_before_start.update(cancel_kind="before_start", finished_at=now())
    return _cancel(connection, statement.where(condition), by)


def cancel_abandoned(connection: Connection, condition: ColumnElement[bool], by: UUID | None) -> list[UUID]:
    """Cancel running record-only jobs that were already asked to stop; return their ids.

    No worker can end them, and the code that did the work may be gone.
    """
    stop_requested = (jobs.c.record_only, jobs.c.cancel_requested_at.is_not(None))
    statement = transitions.abandoned.update(cancel_kind="forced", finished_at=now())
    return _cancel(connection, statement.where(condition, *stop_requested), by)


def request_stop(connection: Connection, condition: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """Ask running jobs and waiting roots to stop; return the waiting roots."""
    statement = (
        update(jobs)
        .where(
            condition,
            jobs.c.status.in_((Status.RUNNING.value, Status.WAITING.value)),
            jobs.c.cancel_requested_at.is_(None),
        )
        .values(cancel_requested_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id, jobs.c.attempt)
    )
    asked = connection.execute(statement).all()
    events.insert(connection, events.rows_of(asked, EventName.CANCEL_REQUESTED, actor_id=by))
    ids = [row.id for row in asked]
    roots = select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.status == Status.WAITING)
    return list(connection.execute(roots).scalars())


def _cancel(connection: Connection, statement: Update, by: UUID | None, why: str = "") -> list[UUID]:
    cancelled = connection.execute(statement.returning(jobs.c.id, jobs.c.attempt)).all()
    events.insert(connection, events.rows_of(cancelled, EventName.CANCELLED, actor_id=by, detail=why))
    ids = [row.id for row in cancelled]
    signals.send_after_commit(connection, signals.job_cancelled, ids)
    return ids
