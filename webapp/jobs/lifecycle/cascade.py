"""What follows the end of a job, in the transaction that ends it: its root's roll-up, its dependents.

A root counts its children's ends in its own row, under that row's lock, so that ten thousand
children cost ten thousand small updates and never a recount. Whoever ends the last child ends
the root. The caller has locked all that may be touched (lock_order.py).

Halting: the rows of a stop, and nothing of what follows; see stopping.py for the whole.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Update, and_, func, or_, select, update

from webapp.jobs.model.job import COMPLETE, TERMINAL, EventName, Status
from webapp.jobs.model.rollup import ChildCounts, roll_up
from webapp.jobs.store import events, signals, transitions, unique_keys
from webapp.schema import dependencies, jobs, now

_ENDED = tuple(status.value for status in TERMINAL)
_FIGURES = (jobs.c.parts, jobs.c.parts_completed, jobs.c.parts_failed, jobs.c.parts_cancelled)


def follow(connection: Connection, ended: Iterable[UUID]) -> set[str]:
    """Do what follows for jobs that have just ended; return the queues in which work waits now."""
    woken: set[str] = set()
    todo = list(ended)
    while todo:
        rows = _read(connection, todo)
        todo = [*_count_at_roots(connection, rows), *_release_dependents(connection, rows, woken)]
    return woken


def follow_dependents(connection: Connection, ended: Iterable[UUID]) -> set[str]:
    """Do what follows for the dependents of jobs that had ended before; return the queues in which work waits now."""
    woken: set[str] = set()
    cancelled = _release_dependents(connection, _read(connection, list(ended)), woken)
    return woken | follow(connection, cancelled)


def settle_root(connection: Connection, root_id: UUID) -> bool:
    """End a root that waits for nothing any more, by its children's ends; return whether it ended."""
    figures = (jobs.c.status, jobs.c.tolerant, jobs.c.attempt, *_FIGURES)
    root = connection.execute(select(*figures).where(jobs.c.id == root_id).with_for_update(key_share=True)).first()
    return root is not None and _settle(connection, root_id, root)  # None: deleted in between


def _read(connection: Connection, ids: list[UUID]) -> list[Row[Any]]:
    columns = (jobs.c.id, jobs.c.status, jobs.c.root_id, jobs.c.has_dependents)
    return list(connection.execute(select(*columns).where(jobs.c.id.in_(ids))))


def _count_at_roots(connection: Connection, rows: list[Row[Any]]) -> list[UUID]:
    counts: dict[UUID, Counter[str]] = {}
    for row in rows:
        kind = ChildCounts().counter_for(Status(row.status))
        if row.root_id and kind:
            counts.setdefault(row.root_id, Counter())[kind] += 1
    # in one order everywhere, so that two who end children of the same roots never wait in a ring
    return [root for root in sorted(counts) if _count(connection, root, counts[root])]


def _count(connection: Connection, root_id: UUID, ended: Counter[str]) -> bool:
    grown = {f"parts_{kind}": jobs.c[f"parts_{kind}"] + count for kind, count in ended.items()}
    statement = (
        update(jobs)
        .where(jobs.c.id == root_id)
        .values(**grown, version=jobs.c.version + 1)
        .returning(jobs.c.status, jobs.c.tolerant, jobs.c.attempt, *_FIGURES)
    )
    return _settle(connection, root_id, connection.execute(statement).one())


def _settle(connection: Connection, root_id: UUID, root: Any) -> bool:
    if root.status != Status.WAITING:
        return False
    parts = parts_of(root)
    status = roll_up(parts, tolerant=root.tolerant)
    progress = COMPLETE if status is Status.COMPLETED else parts.progress
    if status is None:
        statement = update(jobs).values(progress=progress)
        signals.note(connection, signals.job_progressed, [root_id])
    else:
        statement = transitions.root_ended.update(
            status, progress=progress, finished_at=now(), **_said_of(parts, status)
        )
        events.insert(connection, [{"job_id": root_id, "name": EventName(status), "attempt": root.attempt}])
        signals.note_move(connection, root_id, Status.WAITING, status)
    connection.execute(statement.where(jobs.c.id == root_id))
    return status is not None


def _said_of(parts: ChildCounts, status: Status) -> dict[str, Any]:
    if status is Status.FAILED:
        return {"errors": [{"text": f"{parts.failed} of {parts.total} parts failed."}]}
    if status is Status.COMPLETED and parts.failed:
        return {"warnings": [{"text": f"{parts.failed} of {parts.total} parts failed."}]}
    if status is Status.CANCELLED:
        return {"cancel_kind": "cooperative"}
    return {}


def parts_of(row: Any) -> ChildCounts:
    """Read a root's figures."""
    return ChildCounts(
        total=row.parts, completed=row.parts_completed, failed=row.parts_failed, cancelled=row.parts_cancelled
    )


def _release_dependents(connection: Connection, rows: list[Row[Any]], woken: set[str]) -> list[UUID]:
    """Queue the dependents that wait for nothing else; return those that are cancelled instead."""
    ended = {row.id: row.status for row in rows if row.has_dependents and row.status in _ENDED}
    if not ended:
        return []
    edges = (
        select(dependencies.c.job_id, dependencies.c.after_id, dependencies.c.only_on_success)
        .join(jobs, jobs.c.id == dependencies.c.job_id)
        .where(dependencies.c.after_id.in_(list(ended)), jobs.c.status == "held")
        .order_by(dependencies.c.job_id)
    )
    found = connection.execute(edges).all()
    hopeless = {edge.job_id for edge in found if edge.only_on_success and ended[edge.after_id] != "completed"}
    cancelled = [one for one in sorted(hopeless) if _cancel(connection, one)]
    for job_id in sorted({edge.job_id for edge in found} - hopeless):
        _release(connection, job_id, woken)
    return [*cancelled, *_cancel_children(connection, cancelled)]


def _cancel(connection: Connection, job_id: UUID) -> bool:
    statement = transitions.cancelled_while_held.update(cancel_kind="before_start", finished_at=now())
    if connection.execute(statement.where(jobs.c.id == job_id)).rowcount != 1:
        return False
    why = "What it was to follow did not complete."
    events.insert(connection, [{"job_id": job_id, "name": EventName.CANCELLED, "attempt": 0, "detail": why}])
    signals.note(connection, signals.job_cancelled, [job_id])
    return True


def _cancel_children(connection: Connection, roots: list[UUID]) -> list[UUID]:
    if not roots:
        return []
    theirs = jobs.c.root_id.in_(roots)
    ask_running(connection, theirs)
    return end_waiting(connection, theirs)


def _release(connection: Connection, job_id: UUID, woken: set[str]) -> None:
    # its row is locked before the others are counted: of two predecessors that end at once, the
    # second one sees that the first has ended
    held = select(jobs.c.queue, jobs.c.run_at, jobs.c.next_key).where(jobs.c.id == job_id, jobs.c.status == "held")
    row = connection.execute(held).first()
    # one that ended together with this one and did not complete has its turn next: a root after its last child
    in_vain = and_(dependencies.c.only_on_success, jobs.c.status != "completed")
    others = (
        select(func.count())
        .select_from(dependencies.join(jobs, jobs.c.id == dependencies.c.after_id))
        .where(dependencies.c.job_id == job_id, or_(jobs.c.status.not_in(_ENDED), in_vain))
    )
    if row is None or connection.execute(others).scalar_one():
        return
    status = Status.QUEUED if row.run_at is None else Status.SCHEDULED
    if row.next_key is not None:
        woken |= {row.queue} if unique_keys.let_go(connection, job_id, status) else set()
        return
    connection.execute(transitions.released.update(status).where(jobs.c.id == job_id))
    woken.add(row.queue)


_UNDER_WAY = ("running", "waiting")


def end_waiting(connection: Connection, whose: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """End jobs that nobody has begun; return those."""
    statement = transitions.cancelled_before_start.update(cancel_kind="before_start", finished_at=now()).where(whose)
    return _end(connection, statement, by)


def _end(connection: Connection, statement: Update, by: UUID | None) -> list[UUID]:
    ended = connection.execute(statement.returning(jobs.c.id, jobs.c.attempt)).all()
    events.insert(connection, events.rows_of(ended, EventName.CANCELLED, actor_id=by))
    ids = [row.id for row in ended]
    signals.note(connection, signals.job_cancelled, ids)
    return ids


def end_deserted(connection: Connection, whose: ColumnElement[bool], by: UUID | None) -> list[UUID]:
    """End record-only jobs that were asked before: nobody else could, if what did their work is gone."""
    stop_requested = (jobs.c.record_only, jobs.c.cancel_requested_at.is_not(None))
    statement = transitions.abandoned.update(cancel_kind="forced", finished_at=now()).where(whose, *stop_requested)
    return _end(connection, statement, by)


def ask_running(connection: Connection, whose: ColumnElement[bool], by: UUID | None = None) -> list[UUID]:
    """Ask jobs that run to stop, and roots that wait; return the roots."""
    statement = (
        update(jobs)
        .where(whose, jobs.c.status.in_(_UNDER_WAY), jobs.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.id, jobs.c.attempt)
    )
    asked = connection.execute(statement).all()
    events.insert(connection, events.rows_of(asked, EventName.CANCEL_REQUESTED, actor_id=by))
    ids = [row.id for row in asked]
    roots = select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.status == "waiting")
    return list(connection.execute(roots).scalars())
