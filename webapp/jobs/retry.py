"""Retry: whether a failed attempt is followed by another one, and when. Pure but for the dice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import uniform

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
