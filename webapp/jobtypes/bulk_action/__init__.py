"""Bulk action: stop, retry, run again or delete all jobs that a list was narrowed to, however many.

It acts with the rights that its owner has while it runs, part by part, newest first. The checkpoint is the
last job of a part, so an interrupted one goes on there; what it did not do, and why, are its warnings.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from webapp.accounts.accounts import Accounts
from webapp.accounts.permissions import Right, may
from webapp.accounts.user import User
from webapp.jobs import Job, JobContext, JobError, JobQueries, Jobs, Viewer, job_type
from webapp.jobs.lifecycle.bulk_actions import BulkAction, BulkActor, apply_bulk_action, sort_by_fit
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobtypes.bulk_action.checkpoint import BulkCheckpoint
from webapp.jobtypes.bulk_action.payload import BulkActionPayload

__all__ = ["BulkActionPayload", "bulk_action"]

PART = 200  # jobs that are acted on in one go
REACH = 20_000  # rows that are looked at for one part


@job_type(
    "bulk_action",
    title="Bulk action",
    description="Stops, retries, runs again or deletes all jobs that match a filter.",
    group="System",
    max_attempts=3,
    timeout=timedelta(hours=6),
    listed=False,
)
def bulk_action(
    job: JobContext, payload: BulkActionPayload, accounts: Accounts, jobs: Jobs, queries: JobQueries
) -> None:
    """Go through all that match, from the checkpoint on."""
    user = _person(job, accounts)
    actor = _actor(user, jobs)
    checkpoint = BulkCheckpoint.of(job)
    chosen = checkpoint.rest_of(payload.chosen(actor.closed_types).older_than(job.id))  # itself not, whatever is asked
    viewer = Viewer(user_id=user.id, sees_all=user.role.sees_all, tenant=user.tenant)
    total = checkpoint.handled + queries.lists.count_all(viewer, chosen)
    job.progress(done=checkpoint.handled, total=total)
    for part, last in _parts(queries, viewer, chosen):
        judged = sort_by_fit(payload.action, _not_yet(payload.action, part, job, queries), actor)
        apply_bulk_action(jobs, payload.action, judged.fit, actor)
        checkpoint.add(judged, last)
        job.progress(done=checkpoint.handled, total=total)
    checkpoint.close()


def _person(job: JobContext, accounts: Accounts) -> User:
    user = accounts.get(job.owner.user_id) if job.owner.user_id else None
    if user is None:
        raise JobError("A bulk action needs an owner, because it runs with the permissions of its owner.")
    return user


def _actor(user: User, jobs: Jobs) -> BulkActor:
    closed = frozenset(kind.name for kind in jobs.registry if not kind.may_be_started_by(user.role))
    return BulkActor(user_id=user.id, on_all=may(user, Right.ACT_ON_ALL_JOBS), closed_types=closed)


def _parts(queries: JobQueries, viewer: Viewer, chosen: JobCriteria) -> Iterator[tuple[tuple[Job, ...], UUID]]:
    """Yield the jobs part by part, each with its last one, newest first."""
    before: UUID | None = None
    while True:
        found = queries.lists.find(viewer, chosen, before=before, limit=PART, scan_limit=REACH)
        if found.jobs:
            yield found.jobs, found.jobs[-1].id
        before = found.jobs[-1].id if len(found.jobs) == PART else found.scanned_to
        if before is None:
            return


def _not_yet(action: BulkAction, part: tuple[Job, ...], job: JobContext, queries: JobQueries) -> list[Job]:
    """Leave out what an attempt before this one has run again: to run twice is the one act that is not harmless."""
    again = (
        queries.lists.find_repeated([one.id for one in part], after=job.id) if action is BulkAction.RUN_AGAIN else set()
    )
    return [one for one in part if one.id not in again]
