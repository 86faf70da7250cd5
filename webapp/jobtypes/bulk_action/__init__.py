"""Bulk action: stop, retry, run again, share or delete all jobs that match a filter.

It acts with the permissions that its owner has while it runs, in batches, newest jobs first. The checkpoint
is the last job of a batch, so an interrupted bulk action continues there. Skipped jobs become warnings.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from webapp.accounts.accounts import Accounts
from webapp.accounts.user import User
from webapp.jobs import Job, JobContext, JobError, JobQueries, Jobs, Viewer, job_type
from webapp.jobs.lifecycle.bulk_actions import BulkAction, apply_bulk_action, sort_by_fit
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobtypes.bulk_action.checkpoint import BulkCheckpoint
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.user_policy import user_policy, viewer_of

__all__ = ["BulkActionPayload", "bulk_action"]

BATCH = 200  # jobs per batch
SCAN_LIMIT = 20_000  # rows that are read for one batch
TITLES = {
    BulkAction.STOP: "Stop matching jobs",
    BulkAction.RETRY: "Retry matching jobs",
    BulkAction.RUN_AGAIN: "Run matching jobs again",
    BulkAction.DELETE: "Delete matching jobs",
    BulkAction.SHARE: "Share matching jobs",
    BulkAction.UNSHARE: "Stop sharing matching jobs",
}


@job_type(
    "bulk_action",
    title=lambda payload: TITLES[payload.action],
    description="Stops, retries, runs again, shares or deletes all jobs that match a filter.",
    group="System",
    max_attempts=3,
    timeout=timedelta(hours=6),
    listed=False,
    acts_as_owner=True,
)
def bulk_action(
    job: JobContext, payload: BulkActionPayload, accounts: Accounts, jobs: Jobs, queries: JobQueries
) -> None:
    """Act on all matching jobs, from the checkpoint on."""
    policy = user_policy(_owner(job, accounts), jobs.registry)
    checkpoint = BulkCheckpoint.of(job)
    criteria = checkpoint.remaining(payload.criteria(policy.unopened_types).older_than(job.id))  # never itself
    viewer = viewer_of(policy)
    total = checkpoint.handled + queries.lists.count_all(viewer, criteria)
    job.progress(done=checkpoint.handled, total=total)
    action, group = payload.action, payload.group or None
    for batch, last in _batches(queries, viewer, criteria):
        sorted_jobs = sort_by_fit(action, _without_repeated(action, batch, job, queries), policy, group=group)
        apply_bulk_action(jobs, action, sorted_jobs.fit, policy, group=group)
        checkpoint.add(sorted_jobs, last)
        job.progress(done=checkpoint.handled, total=total)
    checkpoint.close()


def _owner(job: JobContext, accounts: Accounts) -> User:
    user = accounts.get(job.owner.user_id) if job.owner.user_id else None
    if user is None:
        raise JobError("A bulk action needs an owner, because it runs with the permissions of its owner.")
    return user


def _batches(queries: JobQueries, viewer: Viewer, criteria: JobCriteria) -> Iterator[tuple[tuple[Job, ...], UUID]]:
    """Yield the jobs in batches, each with the ID of its last job, newest first."""
    before: UUID | None = None
    while True:
        found = queries.lists.find(viewer, criteria, before=before, limit=BATCH, scan_limit=SCAN_LIMIT)
        if found.jobs:
            yield found.jobs, found.jobs[-1].id
        before = found.jobs[-1].id if len(found.jobs) == BATCH else found.scanned_to
        if before is None:
            return


def _without_repeated(action: BulkAction, batch: tuple[Job, ...], job: JobContext, queries: JobQueries) -> list[Job]:
    """Leave out jobs that an earlier attempt has run again already; the other actions can safely be repeated."""
    if action is not BulkAction.RUN_AGAIN:
        return list(batch)
    repeated = queries.lists.find_repeated([each.id for each in batch], after=job.id)
    return [each for each in batch if each.id not in repeated]
