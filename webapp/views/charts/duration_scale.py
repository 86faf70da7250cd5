"""A vertical axis of durations: logarithmic, because jobs of one type take from milliseconds to hours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import log10

from webapp.views.charts.time_scale import Tick
from webapp.views.text.date_format import duration

_STEPS = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 10 * 86_400)  # seconds with a line and a label
_SHORTEST = 0.1  # seconds; shorter ones are at the bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationScale:
    """Durations as percent from the top: ``low`` seconds are at the bottom, ``high`` at the top."""

    low: float
    high: float

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> "DurationScale":
        """Return a scale on which all durations are, with a little space at both ends."""
        seconds = [max(period.total_seconds(), _SHORTEST) for period in durations] or [_SHORTEST, 10.0]
        return cls(low=min(seconds) / 1.5, high=max(max(seconds) * 1.5, min(seconds) * 4))

    def position(self, period: timedelta) -> float:
        """Return where a duration is, in percent from the top."""
        seconds = min(max(period.total_seconds(), self.low), self.high)
        return round(100 - 100 * log10(seconds / self.low) / log10(self.high / self.low), 2)

    def ticks(self) -> tuple[Tick, ...]:
        """Return the labelled durations within the scale, longest first."""
        within = [timedelta(seconds=step) for step in reversed(_STEPS) if self.low <= step <= self.high]
        return tuple(Tick(self.position(period), duration(period)) for period in within)
