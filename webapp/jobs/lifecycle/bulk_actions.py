"""Bulk actions: stop, retry, run again or delete many jobs, skipping those to which the action does not apply.

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

from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.job_store import JobNotFound


class BulkAction(StrEnum):
    """An action on many jobs."""

    STOP = "stop"
    RETRY = "retry"
    RUN_AGAIN = "run_again"
    DELETE = "delete"


class Objection(StrEnum):
    """Why an action does not apply to a job, as a sentence; pages translate it."""

    ENDED = "Already ended."
    STOPPING = "Already asked to stop."
    NOT_ENDED = "Not ended yet."
    DONE = "Done, so there is nothing to retry."
    PART = "Child jobs are handled with their parent job."
    NOT_YOURS = "Belongs to another user."
    CLOSED = "You don't have permission to start this type of job."


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkActor:
    """The user who acts, on their own jobs or on all, without permission to start jobs of ``closed_types``."""

    user_id: UUID
    on_all: bool = False
    closed_types: frozenset[str] = frozenset()


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

    def run_again(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Create a new job with the same input."""

    def delete_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> int:
        """Delete jobs."""


def find_objection(action: BulkAction, job: Job, actor: BulkActor) -> Objection | None:
    """Return why the action does not apply to the job; None if it does."""
    return _objection_to_actor(job, actor) or _OBJECTIONS[action](job, actor)


def sort_by_fit(action: BulkAction, jobs: Iterable[Job], actor: BulkActor) -> SortedJobs:
    """Separate the jobs to which the action applies from the others."""
    judged = [(job, find_objection(action, job, actor)) for job in jobs]
    fit = tuple(job for job, objection in judged if objection is None)
    return SortedJobs(fit, tuple((job, objection) for job, objection in judged if objection))


def apply_bulk_action(verbs: BulkVerbs, action: BulkAction, fit: Sequence[Job], actor: BulkActor) -> None:
    """Apply the action; jobs that have changed meanwhile are skipped."""
    ids = [job.id for job in fit]
    if not ids:
        return
    if action is BulkAction.STOP:
        verbs.cancel_many(ids, by=actor.user_id)
    elif action is BulkAction.RETRY:
        verbs.retry_many(ids, by=actor.user_id)
    elif action is BulkAction.DELETE:
        verbs.delete_many(ids, by=actor.user_id)
    else:
        _run_again(verbs, fit, actor)


def _run_again(verbs: BulkVerbs, fit: Sequence[Job], actor: BulkActor) -> None:
    for job in fit:
        with suppress(JobNotFound):
            verbs.run_again(job.id, by=actor.user_id)


def _objection_to_actor(job: Job, actor: BulkActor) -> Objection | None:
    return None if actor.on_all or job.owner.user_id == actor.user_id else Objection.NOT_YOURS


def _objection_to_stop(job: Job, _: BulkActor) -> Objection | None:
    if job.is_finished:
        return Objection.ENDED
    return Objection.STOPPING if job.cancel_requested_at and not job.record_only else None


def _objection_to_retry(job: Job, actor: BulkActor) -> Objection | None:
    if job.status is Status.COMPLETED:
        return Objection.DONE
    return _objection_to_start(job, actor)


def _objection_to_run_again(job: Job, actor: BulkActor) -> Objection | None:
    return Objection.PART if job.root_id else _objection_to_start(job, actor)


def _objection_to_start(job: Job, actor: BulkActor) -> Objection | None:
    if not job.is_finished:
        return Objection.NOT_ENDED
    return Objection.CLOSED if job.type in actor.closed_types else None


def _objection_to_delete(job: Job, _: BulkActor) -> Objection | None:
    if not job.is_finished:
        return Objection.NOT_ENDED
    return Objection.PART if job.root_id else None


_OBJECTIONS: Mapping[BulkAction, Callable[[Job, BulkActor], Objection | None]] = MappingProxyType(
    {
        BulkAction.STOP: _objection_to_stop,
        BulkAction.RETRY: _objection_to_retry,
        BulkAction.RUN_AGAIN: _objection_to_run_again,
        BulkAction.DELETE: _objection_to_delete,
    }
)
