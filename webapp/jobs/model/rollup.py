"""Derive a root's status and progress from its children. Pure.

The precedence is OroPlatform's: while a child is active, the root's status does not change. After
that, one cancelled child makes the root cancelled, one failed or stale child makes it failed, and
otherwise it is completed. A tolerant root completes despite failed children, with a warning.
"""

from dataclasses import dataclass

from webapp.jobs.model.job import COMPLETE, Status

DECIMALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCounts:
    """The number of a root's children, in total and by outcome; ``failed`` includes ``stale``."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    stale: int = 0

    @property
    def active(self) -> int:
        """The number of children that have not ended."""
        return self.total - self.completed - self.failed - self.cancelled

    @property
    def progress(self) -> float:
        """The percentage of children that completed or failed; cancelled and stale ones do not count."""
        if not self.total:
            return COMPLETE
        return round(COMPLETE * (self.completed + self.failed - self.stale) / self.total, DECIMALS)

    def counters_for(self, status: Status) -> tuple[str, ...]:
        """Return the names of the fields that count a child in ``status``; none while the child is active."""
        counter = self.counter_for(status)
        return () if counter is None else (counter, "stale") if status is Status.STALE else (counter,)

    def counter_for(self, status: Status) -> str | None:
        """Return the name of the field that counts a child in ``status``; ``None`` while the child is active."""
        return {
            Status.COMPLETED: "completed",
            Status.FAILED: "failed",
            Status.STALE: "failed",
            Status.CANCELLED: "cancelled",
        }.get(status)


def roll_up(counts: ChildCounts, *, tolerant: bool = False) -> Status | None:
    """Return the status of a root whose own handler has returned; ``None`` while children are active."""
    if counts.active > 0:
        return None
    if counts.cancelled:
        return Status.CANCELLED
    if counts.failed and not tolerant:
        return Status.FAILED
    return Status.COMPLETED
