"""Acting on many jobs at once: which of them an act fits, why it does not fit the others, and the act itself.

Whoever asks sees the same sentences before (the confirmation) and after (what was done), and the
engine checks each job once more when its turn comes.
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


class Action(StrEnum):
    """What can be done to many jobs."""

    STOP = "stop"
    RETRY = "retry"
    RUN_AGAIN = "run_again"
    DELETE = "delete"


class Objection(StrEnum):
    """Why an act does not fit a job, as a sentence on one or many; pages translate it."""

    ENDED = "Ended already, so there is nothing to stop."
    STOPPING = "Asked to stop before."
    NOT_ENDED = "Not ended yet."
    DONE = "Done, so there is nothing to retry."
    PART = "Part of another job, and goes with that."
    NOT_YOURS = "Somebody else's."
    CLOSED = "Of a kind that only other roles may start."


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: on the own jobs, or on everybody's; jobs of ``closed_types`` the person may not start."""

    user_id: UUID
    on_all: bool = False
    closed_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sorted:
    """Jobs that an act fits, and the others with the reason."""

    fit: tuple[Job, ...]
    unfit: tuple[tuple[Job, Objection], ...]

    @property
    def reasons(self) -> Mapping[Objection, int]:
        """How many there are of each reason."""
        return Counter(objection for _, objection in self.unfit)


class Verbs(Protocol):
    """What is needed of `Jobs`."""

    def cancel_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> None:
        """Stop."""

    def retry_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> None:
        """Retry."""

    def run_again(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Make a new one."""

    def delete_many(self, ids: Sequence[UUID], *, by: UUID | None = None) -> int:
        """Delete."""


def objection(action: Action, job: Job, actor: Actor) -> Objection | None:
    """Return why the act does not fit the job; None if it does."""
    return _not_theirs(job, actor) or _OBJECTIONS[action](job, actor)


def sort(action: Action, those: Iterable[Job], actor: Actor) -> Sorted:
    """Tell the jobs that the act fits from the others."""
    judged = [(job, objection(action, job, actor)) for job in those]
    return Sorted(tuple(job for job, no in judged if no is None), tuple((job, no) for job, no in judged if no))


def act(verbs: Verbs, action: Action, fit: Sequence[Job], actor: Actor) -> None:
    """Do it; jobs that have moved on in the meantime are left alone."""
    ids = [job.id for job in fit]
    if not ids:
        return
    if action is Action.STOP:
        verbs.cancel_many(ids, by=actor.user_id)
    elif action is Action.RETRY:
        verbs.retry_many(ids, by=actor.user_id)
    elif action is Action.DELETE:
        verbs.delete_many(ids, by=actor.user_id)
    else:
        _run_again(verbs, fit, actor)


def _not_theirs(job: Job, actor: Actor) -> Objection | None:
    return None if actor.on_all or job.owner.user_id == actor.user_id else Objection.NOT_YOURS


def _to_a_stop(job: Job, _: Actor) -> Objection | None:
    if job.is_finished:
        return Objection.ENDED
    return Objection.STOPPING if job.cancel_requested_at and not job.record_only else None


def _to_a_retry(job: Job, actor: Actor) -> Objection | None:
    if job.status is Status.COMPLETED:
        return Objection.DONE
    return _to_a_new_run(job, actor)


def _to_a_new_one(job: Job, actor: Actor) -> Objection | None:
    return Objection.PART if job.root_id else _to_a_new_run(job, actor)


def _to_a_new_run(job: Job, actor: Actor) -> Objection | None:
    if not job.is_finished:
        return Objection.NOT_ENDED
    return Objection.CLOSED if job.type in actor.closed_types else None


def _to_a_deletion(job: Job, _: Actor) -> Objection | None:
    if not job.is_finished:
        return Objection.NOT_ENDED
    return Objection.PART if job.root_id else None


def _run_again(verbs: Verbs, fit: Sequence[Job], actor: Actor) -> None:
    for job in fit:
        with suppress(JobNotFound):
            verbs.run_again(job.id, by=actor.user_id)


_OBJECTIONS: Mapping[Action, Callable[[Job, Actor], Objection | None]] = MappingProxyType(
    {
        Action.STOP: _to_a_stop,
        Action.RETRY: _to_a_retry,
        Action.RUN_AGAIN: _to_a_new_one,
        Action.DELETE: _to_a_deletion,
    }
)
