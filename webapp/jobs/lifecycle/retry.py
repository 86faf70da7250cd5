"""Again: the same job once more (retry), or a new one with the same payload (run again)."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, exists, select, update
from sqlalchemy.exc import IntegrityError

from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import TERMINAL, EventName, IllegalTransition, Status, short_id
from webapp.jobs.store import events, lock_order, signals
from webapp.jobs.store.transitions import reopened
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.schema import events as event_rows
from webapp.schema import jobs

_MAY = reopened.sources
_AFRESH: dict[str, Any] = {
    "finished_at": None,
    "cancel_requested_at": None,
    "cancel_kind": None,
    "errors": [],
    "interruptions": 0,
    "run_at": None,
}


class RootHasEnded(IllegalTransition):
    """A child is tried again only while its root can wait for it."""

    def __init__(self, root_id: UUID, status: str) -> None:
        """Say which root, and how it ended."""
        why = "its own part was not done" if status != Status.COMPLETED else "it is completed"
        Exception.__init__(self, f"Job {short_id(root_id)} does not wait for this part any more: {why}.")


def retry(
    connection: Connection,
    ids: Collection[UUID],
    attempts_of: dict[str, int],
    *,
    by: UUID | None,
    pass_over: bool = False,
) -> set[str]:
    """Queue failed, stopped and lost jobs once more; state, files and attempts are kept.

    Of a root whose own part is done, only the children that did not complete run again.
    ``attempts_of`` says per type how many tries a job gets from here. Jobs in any other
    status are left alone; so are, with ``pass_over``, those that raise `UniqueKeyTaken` or
    `RootHasEnded`. Returns the queues in which work waits now.
    """
    lock_order.lock_families(connection, ids)
    woken: set[str] = set()
    for row in connection.execute(_retriable(ids)).all():
        try:
            with connection.begin_nested():
                woken |= _retry_one(connection, row, attempts_of, by)
        except (UniqueKeyTaken, RootHasEnded):
            if not pass_over:
                raise
    return woken


def refuse_if_not_retriable(job_id: UUID, status: Status) -> None:
    """Raise `IllegalTransition` for one job that somebody wants to retry in a wrong status."""
    if status.value not in _MAY:
        raise IllegalTransition(job_id, status, Status.QUEUED)


def _retriable(ids: Collection[UUID]) -> Any:
    columns = (jobs.c.id, jobs.c.type, jobs.c.status, jobs.c.queue, jobs.c.attempt, jobs.c.parts, jobs.c.root_id,
               jobs.c.unique_key, jobs.c.next_key)  # fmt: skip
    return select(*columns).where(jobs.c.id.in_(ids), jobs.c.status.in_(_MAY)).order_by(*lock_order.IN_ORDER)


def _retry_one(connection: Connection, row: Row[Any], attempts_of: dict[str, int], by: UUID | None) -> set[str]:
    if row.parts and _own_part_is_done(connection, row.id):
        return _retry_parts(connection, row, attempts_of, by)
    tries = row.attempt + attempts_of.get(row.type, 1)
    if not _reopen(connection, row, Status.QUEUED, max_attempts=tries):
        return set()
    if row.parts:
        _forget_unstarted(connection, row.id)
    if row.root_id:
        take_back(connection, row.root_id, Status(row.status))
    _note(connection, row, by)
    return {row.queue}


def _retry_parts(connection: Connection, root: Row[Any], attempts_of: dict[str, int], by: UUID | None) -> set[str]:
    if not _reopen(connection, root, Status.WAITING):
        return set()
    _note(connection, root, by)
    children = select(jobs.c.id).where(jobs.c.root_id == root.id, jobs.c.status.in_(_MAY))
    woken: set[str] = set()
    for child in connection.execute(_retriable(connection.execute(children).scalars().all())).all():
        woken |= _retry_one(connection, child, attempts_of, by)
    return woken


def _own_part_is_done(connection: Connection, root_id: UUID) -> bool:
    """Tell whether a root has ever waited for its children: then its own handler has returned."""
    waited = exists().where(event_rows.c.job_id == root_id, event_rows.c.name == EventName.WAITING)
    return bool(connection.execute(select(waited)).scalar_one())


def _reopen(connection: Connection, row: Row[Any], status: Status, **values: Any) -> bool:
    """Give an ended job another status; False if it has been given one already."""
    key = {"unique_key": row.next_key, "next_key": None} if row.next_key else {}
    statement = reopened.update(status, **_AFRESH, **key, **values).where(jobs.c.id == row.id)
    try:
        return connection.execute(statement).rowcount == 1
    except IntegrityError:
        raise UniqueKeyTaken(row.next_key or row.unique_key) from None


def _forget_unstarted(connection: Connection, root_id: UUID) -> None:
    """Forget the children that were stopped before they started: the root's own part makes them anew."""
    unstarted = (jobs.c.root_id == root_id, jobs.c.status == "cancelled", jobs.c.attempt == 0)
    count = connection.execute(delete(jobs).where(*unstarted)).rowcount
    fewer = {"parts": jobs.c.parts - count, "parts_cancelled": jobs.c.parts_cancelled - count}
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(**fewer))


def take_back(connection: Connection, root_id: UUID, ended: Status) -> None:
    """Count a child that runs again no longer among the ended ones; its root waits for it again.

    Raises `RootHasEnded` if the root cannot: it is completed, or it never came to wait.
    """
    columns = (jobs.c.id, jobs.c.status, jobs.c.attempt, jobs.c.unique_key, jobs.c.next_key)
    locked = select(*columns).where(jobs.c.id == root_id).with_for_update(key_share=True)
    root: Any = connection.execute(locked).one()
    if root.status in TERMINAL:
        if root.status not in _MAY or not _own_part_is_done(connection, root_id):
            raise RootHasEnded(root_id, root.status)
        _reopen(connection, root, Status.WAITING)
        _note(connection, root, None)
    figure = "parts_cancelled" if ended is Status.CANCELLED else "parts_failed"
    again = {figure: jobs.c[figure] - 1, "version": jobs.c.version + 1}
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(**again))
    cascade.settle_root(connection, root_id)  # for its progress


def _note(connection: Connection, row: Row[Any], by: UUID | None) -> None:
    events.insert(connection, events.rows_of([row], EventName.RETRIED, actor_id=by))
    signals.note(connection, signals.job_retrying, [row.id])
