"""A root's status and progress from its children. Pure.

The precedence is Oro's: while a child is active the root stays as it is; else any cancelled
child makes it cancelled, any failed or stale one failed, and none of them completed. A
tolerant root completes in spite of failed children, with a warning.
"""

from dataclasses import dataclass

from webapp.jobs.model.job import COMPLETE, Status

DECIMALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCounts:
    """How many children a root has, and how many of them have ended in which way."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def active(self) -> int:
        """How many children have not ended."""
        return self.total - self.completed - self.failed - self.cancelled

    @property
    def progress(self) -> float:
        """Per cent of the children that completed or failed; cancelled ones did not get there."""
        if not self.total:
            return COMPLETE
        return round(COMPLETE * (self.completed + self.failed) / self.total, DECIMALS)

    def counter_for(self, status: Status) -> str | None:
        """Name the figure that a child in ``status`` belongs to; ``None`` while it is active."""
        return {
            Status.COMPLETED: "completed",
            Status.FAILED: "failed",
            Status.STALE: "failed",
            Status.CANCELLED: "cancelled",
        }.get(status)


def roll_up(parts: ChildCounts, *, tolerant: bool = False) -> Status | None:
    """Return the status of a root whose own handler has returned; ``None`` while children are active."""
    if parts.active > 0:
        return None
    if parts.cancelled:
        return Status.CANCELLED
    if parts.failed and not tolerant:
        return Status.FAILED
    return Status.COMPLETED
