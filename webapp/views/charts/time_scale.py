"""A horizontal time axis: positions in percent, and labelled ticks at round times of the viewer's zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.time_zones import local_time
from webapp.views.text.date_format import day_and_month

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 91 * _DAY, 365 * _DAY),
)
_MOST_TICKS = 6
_EDGE = 8.0  # percent at either end in which a label would be cut off


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position on an axis, in percent."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeScale:
    """The time from ``start`` to ``end`` as 0 to 100 percent; times outside are at its ends."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, start: datetime, end: datetime) -> "TimeScale":
        """Return a scale that is at least a second long."""
        return cls(start=start, end=max(end, start + timedelta(seconds=1)))

    def position(self, at: datetime) -> float:
        """Return where a time is, in percent."""
        share = (at - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def ticks(self, zone: ZoneInfo, most: int = _MOST_TICKS) -> tuple[Tick, ...]:
        """Return at most ``most`` ticks at round local times, none so close to an end that its label is cut off."""
        length = (self.end - self.start).total_seconds()
        step = next((step for step in _STEPS if length / step <= most), _STEPS[-1])
        ticks = (Tick(self.position(at), _label(at, step)) for at in self._round_times(step, zone))
        return tuple(tick for tick in ticks if _EDGE <= tick.at <= 100 - _EDGE)

    def _round_times(self, step: int, zone: ZoneInfo) -> Iterator[datetime]:
        local = local_time(self.start, zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + step * ((local - midnight) // timedelta(seconds=step)) * timedelta(seconds=1)
        while at < self.end:
            yield at
            at += timedelta(seconds=step)


def _label(at: datetime, step: int) -> str:
    if step >= _DAY or (step >= _HOUR and (at.hour, at.minute) == (0, 0)):
        return day_and_month(at)
    return f"{at:%H:%M:%S}" if step < _MINUTE else f"{at:%H:%M}"
