"""Checks of approvals: nothing starts without the one that it needs, and everybody who gave one could do so."""

from collections.abc import Collection, Iterator

from sqlalchemy import Engine, and_, func, or_, select

from webapp.jobs.approvals.decisions import WAITING
from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.approval import ApprovalState
from webapp.jobs.model.job import EventName, Status
from webapp.schema import events, jobs, later

_OVERDUE_SECONDS = 30.0
_ENDS_UNSTARTED = (Status.HELD.value, Status.CANCELLED.value)
_decision = events.alias("decision")


def checks(engine: Engine, self_approvable: Collection[str]) -> Iterator[Check]:
    """Yield the checks; people can approve their own jobs of the types that are ``self_approvable``."""
    needed = jobs.c.approval.is_not(None)
    unapproved = (needed, jobs.c.approval != ApprovalState.APPROVED.value)
    yield check_rows(
        engine,
        "No job starts without the approval that it needs.",
        select(*JOB_COLUMNS, jobs.c.approval).where(
            *unapproved, or_(jobs.c.status.not_in(_ENDS_UNSTARTED), jobs.c.attempt > 0)
        ),
    )
    given = and_(_decision.c.job_id == jobs.c.id, _decision.c.name == EventName.APPROVED.value)
    latest = select(func.max(_decision.c.id)).where(given).correlate(jobs).scalar_subquery()
    approver = select(events.c.actor_id).where(events.c.id == latest).correlate(jobs).scalar_subquery()
    approved = (needed, jobs.c.approval == ApprovalState.APPROVED.value)
    yield check_rows(
        engine,
        "The timeline of an approved job says by whom.",
        select(*JOB_COLUMNS).where(*approved, approver.is_(None)),
    )
    by_concerned = or_(approver == jobs.c.owner_id, approver == jobs.c.triggered_by, approver == jobs.c.edited_by)
    yield check_rows(
        engine,
        "Nobody has approved a job that they started, own or edited.",
        select(*JOB_COLUMNS, approver.label("approver")).where(
            *approved, jobs.c.type.not_in(sorted(self_approvable)), by_concerned
        ),
    )
    yield check_rows(
        engine,
        f"No job waits for approval longer than {_OVERDUE_SECONDS:.0f} seconds after its time; the clock ends it.",
        select(*JOB_COLUMNS, jobs.c.approval_ends_at.label("until")).where(
            needed, *WAITING, jobs.c.approval_ends_at < later(-_OVERDUE_SECONDS)
        ),
        transient=True,
    )
