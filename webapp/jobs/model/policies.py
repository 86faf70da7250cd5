"""Policies of a job type: duplicates, limits, resources, retries, retention, interruptions. Pure, apart from jitter.

An attempt that a stopping worker interrupts is handed back and does not count as an attempt. A job
that stops its own worker would therefore run forever. So interruptions in a row are counted until a
checkpoint is saved; from `MAX_INTERRUPTIONS` on, each one counts as a lost attempt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import uniform
from types import MappingProxyType

from webapp.jobs.model import value_rules
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.rate import Rate
from webapp.jobs.model.value_rules import NOTHING, ValueRule

FOREVER = timedelta.max
INSTALLATION_DEFAULT = timedelta(0)  # of `stale_after`
FIRST_PRIORITY = value_rules.HIGHEST_PRIORITY  # of work that stops other jobs; operators stay one below it
MAX_INTERRUPTIONS = 10
TOO_MANY_INTERRUPTIONS = (
    f"It was interrupted {MAX_INTERRUPTIONS} times in a row without saving a checkpoint. "
    "It may be stopping its own worker, so the last interruption counts as a failed attempt."
)
MAX_POSTPONEMENTS = 10_000
TOO_MANY_POSTPONEMENTS = f"It was postponed {MAX_POSTPONEMENTS:,} times without using up an attempt."
LONGEST_DELAY = timedelta(days=3650)  # a date that every database can hold
_MAX_DELAY = timedelta(hours=1)  # of delays that double
_LIMIT = NOTHING | value_rules.integer(1, 1_000_000)
_DELAY = value_rules.period(zero=True)
_KEPT_FOR = NOTHING | _DELAY | ValueRule("FOREVER", lambda value: value == FOREVER)
_ERRORS = ValueRule(
    "a tuple of exception classes",
    lambda value: isinstance(value, tuple) and all(isinstance(e, type) and issubclass(e, BaseException) for e in value),
)
_RETRY_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "max_attempts": value_rules.integer(1, 1_000_000),
        "delays": ValueRule(
            "a list of timedeltas of zero or more",
            lambda value: isinstance(value, list | tuple) and all(map(_DELAY.accepts, value)),
        ),
        "first_delay": _DELAY,
        "jitter": ValueRule("a number from 0 to 1", lambda value: type(value) in {int, float} and 0 <= value <= 1),
        "retry_on": _ERRORS,
        "fail_on": _ERRORS,
        "can_retry": NOTHING | ValueRule("a function of the attempt and the error", callable),
    }
)


_RESOURCE_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "memory": _LIMIT,
        "cpu": NOTHING
        | ValueRule("a number of cores", lambda value: type(value) in {int, float} and 0 < value <= 1024),  # noqa: PLR2004
        "image": NOTHING | value_rules.text(300),
    }
)


def _check(policy: object, rules: Mapping[str, ValueRule]) -> None:
    if objection := value_rules.first_objection({name: getattr(policy, name) for name in rules}, rules):
        raise ValueError(objection)


class OnDuplicate(StrEnum):
    """What happens to a new job while an unfinished job holds its unique key."""

    REJECT = "reject"
    RETURN = "return"
    QUEUE_AFTER = "queue_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many jobs of a type can run at once, in total and per owner, and start in a period; None = no limit."""

    running: int | None = None
    running_per_owner: int | None = None
    rate: Rate | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a limit that is none."""
        _check(self, dict.fromkeys(("running", "running_per_owner"), _LIMIT))

    def __bool__(self) -> bool:
        """Return whether any limit is set."""
        return self.of_running or self.rate is not None

    @property
    def of_running(self) -> bool:
        """Whether there is a limit of the jobs that run at once."""
        return self.running is not None or self.running_per_owner is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the process of a job gets where a queue has a launcher; None = what the launcher says.

    ``memory`` is in MiB, ``cpu`` in cores, ``image`` the name of a container image.
    """

    memory: int | None = None
    cpu: float | None = None
    image: str | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what no process can get."""
        _check(self, _RESOURCE_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, after which errors and with which delays the jobs of a type are retried.

    ``delays`` are the delays after attempt 1, 2, …; the last one also applies to all later attempts.
    Without them the delay doubles from ``first_delay`` up to one hour. Every delay varies by
    ``jitter``, so that jobs that failed together are not retried together. ``fail_on`` takes
    precedence over ``retry_on``; ``can_retry(attempt, error)`` decides last.
    """

    max_attempts: int = 1
    delays: Sequence[timedelta] = ()
    first_delay: timedelta = timedelta(seconds=15)
    jitter: float = 0.2
    retry_on: tuple[type[BaseException], ...] = (BaseException,)  # timeouts too
    fail_on: tuple[type[BaseException], ...] = ()
    can_retry: Callable[[int, BaseException], bool] | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a value that could not work when a job fails."""
        _check(self, _RETRY_RULES)

    def allows(self, attempt: int, max_attempts: int, error: BaseException) -> bool:
        """Return whether the job is retried after attempt ``attempt`` of ``max_attempts`` failed with ``error``."""
        if attempt >= max_attempts or isinstance(error, self.fail_on) or not isinstance(error, self.retry_on):
            return False
        return self.can_retry is None or self.can_retry(attempt, error)

    def delay(self, attempt: int) -> timedelta:
        """Return the delay after attempt number ``attempt``, with jitter; at most ten years."""
        base = min(self._base(attempt), LONGEST_DELAY)
        varied: timedelta = base * uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311  (not a secret)
        return min(max(varied, timedelta(0)), LONGEST_DELAY)

    def _base(self, attempt: int) -> timedelta:
        if self.delays:
            return self.delays[min(attempt, len(self.delays)) - 1]
        doubled: timedelta = min(self.first_delay, _MAX_DELAY) * 2 ** min(attempt - 1, 20)
        return min(_MAX_DELAY, doubled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a finished job is kept, by outcome; None = the installation's default, `FOREVER` = never pruned.

    Children are kept as long as their root. Unfinished jobs are never pruned.
    """

    completed: timedelta | None = None
    failed: timedelta | None = None
    cancelled: timedelta | None = None
    stale: timedelta | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for an invalid period."""
        _check(self, dict.fromkeys(("completed", "failed", "cancelled", "stale"), _KEPT_FOR))

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
DEFAULT_RESOURCES = Resources()


def too_many_postponements(job: Job) -> bool:
    """Return whether a job has started so often without using up an attempt that it must not be postponed again."""
    return job.uncounted_attempts >= MAX_POSTPONEMENTS


def too_many_interruptions(job: Job) -> bool:
    """Return whether one more interruption counts as a lost attempt."""
    return job.interruptions >= MAX_INTERRUPTIONS
