"""Retry: queue an ended job again, or only the children of a root that did not complete."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Update, bindparam, delete, exists, select, update
from sqlalchemy.exc import IntegrityError

from webapp.jobs.budgets.admission import BudgetUsedUp, admit_owner, begin_month
from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import TERMINAL, EventName, IllegalTransition, Job, NotApproved, Status, short_id
from webapp.jobs.model.rollup import ChildCounts
from webapp.jobs.queueing.fair_share import with_new_turns
from webapp.jobs.store import events, lock_order, signals
from webapp.jobs.store.transitions import held_again, reopened
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.schema import events as event_rows
from webapp.schema import jobs

_RETRIABLE = reopened.sources
_RESET: Mapping[str, Any] = {
    "finished_at": None,
    "cancel_requested_at": None,
    "cancel_kind": None,
    "errors": [],
    "interruptions": 0,
    "run_at": None,
}


class RootHasEnded(IllegalTransition):
    """Raised when a child cannot be retried because its root cannot wait for it."""

    def __init__(self, root_id: UUID, status: str) -> None:
        """Name the root, and the reason."""
        why = "it is completed" if status == Status.COMPLETED else "its own handler did not finish"
        Exception.__init__(self, f"Job {short_id(root_id)} cannot wait for this child job: {why}.")


def retry_jobs(
    connection: Connection,
    ids: Collection[UUID],
    max_attempts: Mapping[str, int],
    *,
    by: UUID | None,
    pass_over: bool = False,
) -> set[str]:
    """Queue failed, stopped and lost jobs again; their checkpoint, files and attempts are kept.

    If a root's handler has returned, only the children that did not complete run again.
    ``max_attempts`` is the number of further attempts per job type. Each counts in the budget of its owner like a
    new job. Jobs in any other status are skipped; with ``pass_over``, jobs that raise `UniqueKeyTaken`, `RootHasEnded`,
    `BudgetUsedUp` or, if none of their children may run again, `NotApproved` are skipped too.
    Returns the queues in which jobs can now be claimed.
    """
    lock_order.lock_families(connection, ids)
    woken: set[str] = set()
    rows = connection.execute(select_retriable(ids)).all()
    begin_month(connection, [row.owner_id for row in rows])
    for row in rows:
        try:
            with connection.begin_nested():
                admit_owner(connection, row.owner_id)
                woken |= retry_one(connection, row, max_attempts, by)
        except (UniqueKeyTaken, RootHasEnded, NotApproved, BudgetUsedUp):
            if not pass_over:
                raise
    return woken


def retry_one(connection: Connection, row: Row[Any], max_attempts: Mapping[str, int], by: UUID | None) -> set[str]:
    """Retry one job of `select_retriable`, whose family is locked; return the queues in which jobs can be claimed."""
    if row.parts and handler_has_returned(connection, row.id):
        return _retry_children(connection, row, max_attempts, by)
    if not _reopen(connection, row, Status.QUEUED, max_attempts=row.attempt + max_attempts.get(row.type, 1)):
        return set()
    if row.parts:
        _delete_unstarted_children(connection, row.id)
    if row.root_id:
        uncount_child(connection, row.root_id, Status(row.status))
    _record_retry(connection, row, by)
    return {row.queue}


def hold_again(connection: Connection, row: Row[Any], max_attempts: Mapping[str, int], by: UUID | None) -> bool:
    """Let a root of `select_retriable` wait for its predecessors again; return False if it cannot run again.

    Only for a root whose handler has not returned, and that waits for an unfinished job.
    """
    if not _reopen(connection, row, Status.HELD, max_attempts=row.attempt + max_attempts.get(row.type, 1)):
        return False
    if row.parts:
        _delete_unstarted_children(connection, row.id)
    _record_retry(connection, row, by)
    return True


def refuse_if_not_retriable(job: Job) -> None:
    """Raise `IllegalTransition` if a job that a user wants to retry is in another status, or was not approved."""
    if job.status not in _RETRIABLE:
        raise IllegalTransition(job.id, job.status, Status.QUEUED)
    if not job.may_run:
        raise NotApproved(job.id)


def uncount_child(connection: Connection, root_id: UUID, ended: Status) -> None:
    """Remove a child that runs again from the counts of its root; reopen the root if it has ended.

    Raises `RootHasEnded` if the root is completed or its own handler never returned.
    """
    columns = (jobs.c.id, jobs.c.status, jobs.c.attempt, jobs.c.unique_key, jobs.c.next_key)
    locked = select(*columns).where(jobs.c.id == root_id).with_for_update(key_share=True)
    root: Any = connection.execute(locked).one()
    if root.status in TERMINAL:
        if root.status not in _RETRIABLE or not handler_has_returned(connection, root_id):
            raise RootHasEnded(root_id, root.status)
        _reopen(connection, root, Status.WAITING)
        _record_retry(connection, root, None)
    counters = (f"parts_{kind}" for kind in ChildCounts().counters_for(ended))
    uncounted = {**{counter: jobs.c[counter] - 1 for counter in counters}, "version": jobs.c.version + 1}
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(**uncounted))
    cascade.update_root(connection, root_id)  # for its progress


def select_retriable(ids: Collection[UUID]) -> Select[Any]:
    """Return the statement that reads what a retry needs of the jobs that can be retried."""
    columns: Any = (jobs.c.id, jobs.c.type, jobs.c.status, jobs.c.queue, jobs.c.attempt, jobs.c.parts, jobs.c.root_id,
               jobs.c.owner_id, jobs.c.unique_key, jobs.c.next_key)  # fmt: skip
    return select(*columns).where(jobs.c.id.in_(ids), jobs.c.status.in_(_RETRIABLE)).order_by(*lock_order.IN_ORDER)


def _retry_children(
    connection: Connection, root: Row[Any], max_attempts: Mapping[str, int], by: UUID | None
) -> set[str]:
    if not _reopen(connection, root, Status.WAITING):
        return set()
    _record_retry(connection, root, by)
    children = select(jobs.c.id).where(jobs.c.root_id == root.id, jobs.c.status.in_(_RETRIABLE))
    woken: set[str] = set()
    for child in connection.execute(select_retriable(connection.execute(children).scalars().all())).all():
        woken |= retry_one(connection, child, max_attempts, by)
    if not woken:  # no child may run again, so the root would wait for ever
        raise NotApproved(root.id)
    return woken


def handler_has_returned(connection: Connection, root_id: UUID) -> bool:
    """Return whether a root has ever waited for its children."""
    waited = exists().where(event_rows.c.job_id == root_id, event_rows.c.name == EventName.WAITING)
    return bool(connection.execute(select(waited)).scalar_one())


@cache
def _reopening(status: Status, *, with_key: bool) -> Update:
    """Return the UPDATE that gives an ended job another status, and the key for which it waited."""
    transition = held_again if status is Status.HELD else reopened
    key = {"unique_key": jobs.c.next_key, "next_key": None} if with_key else {}
    attempts: dict[str, Any] = {} if status is Status.WAITING else {"max_attempts": bindparam("attempts_from_now")}
    statement = transition.update(status, by_id=True, **_RESET, **key, **attempts)
    is_wanted = jobs.c.id == bindparam("ended_job")
    return with_new_turns(statement, is_wanted) if status is Status.QUEUED else statement.where(is_wanted)


def _reopen(connection: Connection, row: Row[Any], status: Status, *, max_attempts: int | None = None) -> bool:
    """Give an ended job another status; return False if another request was faster."""
    values = {"ended_job": row.id} | ({} if max_attempts is None else {"attempts_from_now": max_attempts})
    try:
        return connection.execute(_reopening(status, with_key=row.next_key is not None), values).rowcount == 1
    except IntegrityError:
        raise UniqueKeyTaken(row.next_key or row.unique_key) from None


def _delete_unstarted_children(connection: Connection, root_id: UUID) -> None:
    """Delete the children that were stopped before they started: the root's handler creates them again."""
    unstarted = (jobs.c.root_id == root_id, jobs.c.status == Status.CANCELLED, jobs.c.attempt == 0)
    count = connection.execute(delete(jobs).where(*unstarted)).rowcount
    reduced = {"parts": jobs.c.parts - count, "parts_cancelled": jobs.c.parts_cancelled - count}
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(**reduced))


def _record_retry(connection: Connection, row: Row[Any], by: UUID | None) -> None:
    events.insert(connection, events.rows_of([row], EventName.RETRIED, actor_id=by))
    signals.send_after_commit(connection, signals.job_retrying, [row.id])
