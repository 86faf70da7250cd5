"""Approve and reject: one guarded write each, which names the version that the approver has seen.

Of two decisions at once, one is written. An approved job starts like any other: at once, at its time, after the jobs
that it depends on, or with its siblings.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, select, update

from webapp.fault_injection import faultpoint
from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.approval import ApprovalState
from webapp.jobs.model.incoming_text import visible_text
from webapp.jobs.model.job import BadRequest, EventName, IllegalTransition, Job, Status, short_id
from webapp.jobs.store import events, lock_order, signals, transitions
from webapp.jobs.store.job_store import JobStore, StaleJob
from webapp.schema import jobs, now

REASON_LIMIT = 200
WAITING = (jobs.c.status == Status.HELD.value, jobs.c.approval == ApprovalState.PENDING.value)


class NotWaitingForApproval(IllegalTransition):
    """Raised when a job is approved or rejected that does not wait for it, or no longer."""

    def __init__(self, job: Job) -> None:
        """Say why."""
        Exception.__init__(self, _why_not(job))


class OwnJob(IllegalTransition):
    """Raised when somebody approves or rejects a job that they have started, own or edited."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Somebody else must approve job {short_id(job_id)}: you started, own or edited it.")


def approve(
    connection: Connection, store: JobStore, job: Job, *, by: UUID, also_self: bool, version: int | None = None
) -> set[str]:
    """Approve a job; return the queues in which jobs can now be claimed.

    Raises `NotWaitingForApproval`, `OwnJob`, or `StaleJob` if it no longer has the ``version`` that was seen; then
    nothing is written.
    """
    lock_order.lock_families(connection, [job.id])
    decided = update(jobs).where(*WAITING).values(approval=ApprovalState.APPROVED.value, version=jobs.c.version + 1)
    _decide(connection, store, job, decided, by=by, also_self=also_self, version=version)
    events.insert(connection, events.rows_of([job], EventName.APPROVED, actor_id=by))
    woken = _release(connection, job)
    faultpoint("approve.commit")
    return woken


def reject(
    connection: Connection,
    store: JobStore,
    job: Job,
    reason: str,
    *,
    by: UUID,
    also_self: bool,
    version: int | None = None,
) -> set[str]:
    """Cancel a job that waits for approval, with the reason; return the queues in which jobs can now be claimed.

    Raises what `approve` raises, and `BadRequest` for a reason that is missing or too long.
    """
    reason = checked_reason(reason)
    lock_order.lock_families(connection, [job.id])
    decided = _ending(ApprovalState.REJECTED, reason)
    _decide(connection, store, job, decided, by=by, also_self=also_self, version=version)
    woken = _end(connection, job, EventName.REJECTED, by=by, detail=reason)
    faultpoint("reject.commit")
    return woken


def expire(connection: Connection, job: Job) -> set[str] | None:
    """Cancel a job that nobody has approved or rejected in time; None if somebody did, or it has ended."""
    lock_order.lock_families(connection, [job.id])
    expired = _ending(ApprovalState.EXPIRED, "Nobody approved it in time.")
    due = expired.where(*WAITING, jobs.c.id == job.id, jobs.c.approval_ends_at <= now())
    if connection.execute(due).rowcount != 1:
        return None
    woken = _end(connection, job, EventName.APPROVAL_EXPIRED)
    faultpoint("expire.commit")
    return woken


def checked_reason(reason: str) -> str:
    """Return the reason of a rejection on one line; raise `BadRequest` if it is missing or too long."""
    line = " ".join(visible_text(reason).split()) if isinstance(reason, str) else ""
    if not line:
        message = "Give a reason. Whoever asked will see it."
        raise BadRequest(message)
    if len(line) > REASON_LIMIT:
        message = f"A reason can have at most {REASON_LIMIT} characters, not {len(line)}."
        raise BadRequest(message)
    return line


def _ending(state: ApprovalState, message: str) -> Update:
    values: dict[str, Any] = {"approval": state.value, "cancel_kind": state.value, "message": message}
    return transitions.cancelled_while_held.update(**values, finished_at=now())


def _decide(
    connection: Connection,
    store: JobStore,
    job: Job,
    decision: Update,
    *,
    by: UUID,
    also_self: bool,
    version: int | None,
) -> None:
    """Write a decision, unless the job has changed since ``version``, or somebody else was faster."""
    current = store.read(connection, job.id)
    if not current.waits_for_approval:
        raise NotWaitingForApproval(current)
    if version not in {None, current.version}:
        raise StaleJob(replace(current, version=version or 0))
    if not also_self and by in {current.owner.user_id, current.triggered_by, current.edited_by}:
        raise OwnJob(job.id)
    unchanged = (*WAITING, jobs.c.id == job.id, jobs.c.version == current.version, jobs.c.approval_ends_at > now())
    if connection.execute(decision.where(*unchanged)).rowcount != 1:
        raise NotWaitingForApproval(store.read(connection, job.id))


def _end(connection: Connection, job: Job, name: EventName, *, by: UUID | None = None, detail: str = "") -> set[str]:
    """Record that a job has ended without approval, with everything that follows from the end of a job."""
    events.insert(connection, events.rows_of([job], name, actor_id=by, detail=detail))
    events.insert(connection, events.rows_of([job], EventName.CANCELLED, actor_id=by))
    signals.send_after_commit(connection, signals.job_cancelled, [job.id])
    children = cascade.cancel_children(connection, [job.id])  # code can add some to a job that has not started
    return cascade.apply_consequences(connection, [job.id, *children])


def _release(connection: Connection, job: Job) -> set[str]:
    """Start an approved job, unless it waits for something else too."""
    if job.root_id is None:
        return cascade.release_unless_blocked(connection, job.id)
    root_waits = select(jobs.c.id).where(jobs.c.id == job.root_id, jobs.c.status == Status.WAITING.value)
    if connection.execute(root_waits).first() is None:
        return set()  # it starts with its siblings, when the handler of its root has returned
    return cascade.release_unless_blocked(connection, job.id)


def _why_not(job: Job) -> str:
    if job.waits_for_approval:
        return f"Job {job.short_id} could only be approved or rejected until its time was over."
    sentences = {
        None: f"Job {job.short_id} needs no approval.",
        ApprovalState.PENDING: f"Job {job.short_id} was stopped before it was approved.",
        ApprovalState.APPROVED: f"Job {job.short_id} was already approved.",
        ApprovalState.REJECTED: f"Job {job.short_id} was already rejected.",
        ApprovalState.EXPIRED: f"Job {job.short_id} was not approved in time and has ended.",
    }
    return sentences[ApprovalState(job.approval) if job.approval else None]
