"""Progress in per cent from amounts, and the time left. Pure."""

from datetime import timedelta
from math import log10

UNKNOWN_TOTAL_CEILING = 95.0
_WORTH_GUESSING = 5.0  # below this per cent, the type's usual duration tells more


def from_amounts(current: float, done: float, total: float | None) -> float:
    """Per cent, 0.0 to 100.0, for ``done`` of ``total``.

    An unknown total creeps towards 95 on a logarithm, so that the bar moves and never lies
    about the end; a total of 0 tells nothing and leaves ``current``; the rest is clamped.
    (Contao's arithmetic; there ``(0, None)`` crashes, here it is 0.)
    """
    if total is None:
        return min(20 * log10(1 + max(done, 0.0)), UNKNOWN_TOTAL_CEILING)
    if total == 0:
        return current
    return min(max(100 * done / total, 0.0), 100.0)


def time_left(elapsed: timedelta, percent: float, usual: timedelta | None) -> timedelta | None:
    """How long a running job will go on, or ``None`` where nobody can know.

    ``usual`` is the median duration of the type's recent runs.
    """
    if percent >= _WORTH_GUESSING:
        return elapsed * ((100 - percent) / percent)
    if usual is None or usual <= elapsed:
        return None
    return usual - elapsed
