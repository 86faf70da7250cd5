"""Retention: how long the jobs of a type stay after they have ended. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.job import Status

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


DEFAULT = Retention()
