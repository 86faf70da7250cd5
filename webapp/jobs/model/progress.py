"""Compute progress in per cent from amounts, and estimate the time left. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from math import log10

UNKNOWN_TOTAL_CEILING = 95.0
_UNKNOWN_SILENCE = timedelta(minutes=15)
SHORTEST_SILENCE = timedelta(minutes=1)
_LONGER = 3  # times the longest silence of runs that went well
_MIN_PERCENT = 5.0  # below this, the type's usual duration gives a better estimate


def from_amounts(current: float, done: float, total: float | None) -> float:
    """Return the percentage, 0.0 to 100.0, for ``done`` of ``total``.

    If the total is unknown, the percentage approaches 95 logarithmically: the bar moves but never
    claims that the job is finished. A total of 0 returns ``current``. Everything else is clamped.
    (The formula is Contao's, except that ``(0, None)`` returns 0 here and fails there.)
    """
    if total is None:
        return min(20 * log10(1 + max(done, 0.0)), UNKNOWN_TOTAL_CEILING)
    if total == 0:
        return current
    return min(max(100 * done / total, 0.0), 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualRun:
    """How long jobs of a type usually run, and how long they are silent at most; None while too few have run."""

    duration: timedelta | None = None
    silence: timedelta | None = None

    @property
    def silence_limit(self) -> timedelta:
        """How long a running job can report nothing before it may be stuck."""
        if self.silence is not None:
            return max(SHORTEST_SILENCE, _LONGER * self.silence)
        return max(_UNKNOWN_SILENCE, self.duration or timedelta())


UNKNOWN_RUN = UsualRun()


def time_left(
    elapsed: timedelta, percent: float, usual: timedelta | None, *, quiet: timedelta = timedelta()
) -> timedelta | None:
    """Estimate how long a running job still needs; ``None`` if there is no basis for an estimate.

    ``usual`` is the median duration of the type's recent runs, ``quiet`` the time since the job's last report.
    The progress dates from that report, so the estimate for a stalled job falls instead of rising.
    """
    if percent >= _MIN_PERCENT:
        left = (elapsed - quiet) * ((100 - percent) / percent) - quiet
        return left if left > timedelta() else None
    if usual is None or usual <= elapsed:
        return None
    return usual - elapsed
