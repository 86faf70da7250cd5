"""Bulk actions: stop, retry, run again, share or delete many jobs, skipping those to which the action does not apply.

Users see the same reasons before the action (in the confirmation) and after it (in the summary).
Each job is checked again when the action reaches it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobAction, JobPolicy, Objection
from webapp.jobs.store.job_store import JobNotFound


class BulkAction(StrEnum):
    """An action on many jobs."""

    STOP = "stop"
    RETRY = "retry"
    RUN_AGAIN = "run_again"
    DELETE = "delete"
    SHARE = "share"  # with a group
    UNSHARE = "unshare"


@dataclass(frozen=True, slots=True)
class SortedJobs:
    """The jobs to which an action applies, and the others with the reason."""

    fit: tuple[Job, ...]
    unfit: tuple[tuple[Job, Objection], ...]

    @property
    def reasons(self) -> Mapping[Objection, int]:
        """The number of skipped jobs by reason."""
        return Counter(objection for _, objection in self.unfit)


class BulkVerbs(Protocol):
    """The methods of `Jobs` that bulk actions call."""

    def cancel_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> None:
        """Stop jobs."""

    def retry_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> None:
        """Retry jobs."""

    def run_again(self, job_id: UUID, *, by: UUID | None = None, owner: Owner | None = None) -> Job:
        """Create a new job with the same input, for an owner."""

    def delete_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> int:
        """Delete jobs."""

    def share_many(self, ids: Sequence[UUID], group: str | None, *, by: UUID | None = None) -> None:
        """Share jobs with a group, or with none."""


def find_objection(action: BulkAction, job: Job, policy: JobPolicy, *, group: str | None = None) -> Objection | None:
    """Return why the action does not apply to the job; None if it does. ``group`` is the one to share it with."""
    to_group = policy.refusal_to_share(job.type, group) if group is not None else None
    return policy.refusal(JobAction(action.value), job) or to_group or _OBJECTIONS[action](job)


def sort_by_fit(action: BulkAction, jobs: Iterable[Job], policy: JobPolicy, *, group: str | None = None) -> SortedJobs:
    """Separate the jobs to which the action applies from the others."""
    judged = [(job, find_objection(action, job, policy, group=group)) for job in jobs]
    fit = tuple(job for job, objection in judged if objection is None)
    return SortedJobs(fit, tuple((job, objection) for job, objection in judged if objection))


def apply_bulk_action(
    verbs: BulkVerbs, action: BulkAction, fit: Sequence[Job], policy: JobPolicy, *, group: str | None = None
) -> None:
    """Apply the action; jobs that have changed meanwhile are skipped. Raises `UnknownGroup`."""
    ids = [job.id for job in fit]
    if not ids:
        return
    if action is BulkAction.STOP:
        verbs.cancel_many(ids, by=policy.user_id)
    elif action is BulkAction.RETRY:
        verbs.retry_many(ids, by=policy.user_id)
    elif action is BulkAction.DELETE:
        verbs.delete_many(ids, by=policy.user_id)
    elif action in {BulkAction.SHARE, BulkAction.UNSHARE}:
        verbs.share_many(ids, group, by=policy.user_id)
    else:
        _run_again(verbs, fit, policy)


def _run_again(verbs: BulkVerbs, fit: Sequence[Job], policy: JobPolicy) -> None:
    for job in fit:
        with suppress(JobNotFound):
            verbs.run_again(job.id, by=policy.user_id, owner=policy.owner)


def _objection_to_stop(job: Job) -> Objection | None:
    if job.is_finished:
        return Objection.ENDED
    return Objection.STOPPING if job.cancel_requested_at and not job.record_only else None


def _objection_to_retry(job: Job) -> Objection | None:
    if job.status is Status.COMPLETED:
        return Objection.DONE
    if not job.is_finished:
        return Objection.NOT_ENDED
    return None if job.may_run else Objection.NOT_APPROVED


def _objection_to_ended(job: Job) -> Objection | None:
    if job.root_id:
        return Objection.PART
    return None if job.is_finished else Objection.NOT_ENDED


def _objection_to_share(job: Job) -> Objection | None:
    return Objection.PART if job.root_id else None


def _objection_to_unshare(job: Job) -> Objection | None:
    return _objection_to_share(job) or (None if job.shared_with else Objection.NOT_SHARED)


_OBJECTIONS: Mapping[BulkAction, Callable[[Job], Objection | None]] = MappingProxyType(
    {
        BulkAction.STOP: _objection_to_stop,
        BulkAction.RETRY: _objection_to_retry,
        BulkAction.RUN_AGAIN: _objection_to_ended,
        BulkAction.DELETE: _objection_to_ended,
        BulkAction.SHARE: _objection_to_share,
        BulkAction.UNSHARE: _objection_to_unshare,
    }
)
