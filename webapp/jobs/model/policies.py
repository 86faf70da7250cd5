"""Retry: whether a failed attempt is followed by another one, and when. Pure but for the dice.

Retention: how long the jobs of a type stay after they have ended. Pure.

How often in a row a job may be interrupted. Pure.

An attempt that a stopping worker interrupts gives its try back; so a job that stops its own worker
would go on for ever. Each interruption is counted until a checkpoint is saved, and from `MAX_INTERRUPTIONS` on
it costs a try, as any other loss does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import uniform

from webapp.jobs.model.job import Job, Status


class OnDuplicate(StrEnum):
    """What becomes of a job whose unique key is held by an unfinished one."""

    REJECT = "reject"
    RETURN = "return"
    QUEUE_AFTER = "queue_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many jobs of a type may run at once: of all owners together, and of each one. None = any number."""

    running: int | None = None
    running_per_owner: int | None = None

    def __bool__(self) -> bool:
        """Tell whether there is anything to keep."""
        return self.running is not None or self.running_per_owner is not None


_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, after which errors, and how soon a type's jobs are tried again.

    ``delays`` are the pauses after attempt 1, 2, …, the last one for all that follow; without
    them the pause doubles from ``first_delay`` up to an hour. Every pause varies by
    ``jitter``, so that jobs that failed together do not come back together. ``fail_on`` goes
    before ``retry_on``; ``can_retry(attempt, error)`` has the last word.
    """

    max_attempts: int = 1
    delays: Sequence[timedelta] = ()
    first_delay: timedelta = timedelta(seconds=15)
    jitter: float = 0.2
    retry_on: tuple[type[BaseException], ...] = (BaseException,)  # timeouts too
    fail_on: tuple[type[BaseException], ...] = ()
    can_retry: Callable[[int, BaseException], bool] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.max_attempts < 1:
            message = f"max_attempts is 1 or more, not {self.max_attempts}."
            raise ValueError(message)
        if any(delay < timedelta(0) for delay in (*self.delays, self.first_delay)):
            message = "A job cannot be tried again before it has failed: delays are not negative."
            raise ValueError(message)

    def allows(self, attempt: int, max_attempts: int, error: BaseException) -> bool:
        """Tell whether attempt number ``attempt`` of ``max_attempts``, which ended in ``error``, has a next one."""
        if attempt >= max_attempts or isinstance(error, self.fail_on) or not isinstance(error, self.retry_on):
            return False
        return self.can_retry is None or self.can_retry(attempt, error)

    def delay(self, attempt: int) -> timedelta:
        """Return the pause after attempt number ``attempt``, with its jitter."""
        varied: timedelta = self._base(attempt) * uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311  (no secret)
        return varied

    def _base(self, attempt: int) -> timedelta:
        if self.delays:
            return self.delays[min(attempt, len(self.delays)) - 1]
        doubled: timedelta = self.first_delay * 2 ** min(attempt - 1, 20)
        return min(_LONGEST, doubled)


FOREVER = timedelta.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a job stays, by how it ended; None = as long as the installation says, `FOREVER` = always.

    Parts stay with their root, and every job at least until it has ended.
    """

    completed: timedelta | None = None
    failed: timedelta | None = None
    cancelled: timedelta | None = None
    stale: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for status, period in self.by_status().items():
            if period < timedelta(0):
                message = f"A {status} job cannot be removed before it has ended: {period} is negative."
                raise ValueError(message)

    def by_status(self) -> Mapping[Status, timedelta]:
        """Return the periods that are set."""
        periods = {
            Status.COMPLETED: self.completed,
            Status.FAILED: self.failed,
            Status.CANCELLED: self.cancelled,
            Status.STALE: self.stale,
        }
        return {status: period for status, period in periods.items() if period is not None}


DEFAULT_RETENTION = Retention()


MAX_INTERRUPTIONS = 10
TOO_MANY_INTERRUPTIONS = (
    f"It was interrupted {MAX_INTERRUPTIONS} times in a row without saving a checkpoint. "
    "Perhaps it stops its own worker, so it does not get another try for nothing."
)


def too_many_interruptions(job: Job) -> bool:
    """Tell whether one more interruption costs a try."""
    return job.interruptions >= MAX_INTERRUPTIONS
