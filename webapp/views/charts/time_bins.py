"""Bins of a period: the hours or days of the viewer's zone that a chart has a bar for. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from webapp.time_zones import local_time
from webapp.views.charts.time_scale import Tick, TimeScale
from webapp.views.text.date_format import day_and_month

_DAY = timedelta(days=1)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBins:
    """Consecutive bins; each ends where the next one starts, the last one, which is in progress, at ``end``."""

    starts: tuple[datetime, ...]
    end: datetime
    zone: ZoneInfo

    @classmethod
    def until(cls, now: datetime, length: timedelta, step: timedelta, zone: ZoneInfo) -> "TimeBins":
        """Return bins of whole steps of local time, from the one that ``length`` ago is in to the one in progress."""
        local = local_time(now - length, zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight + (local.replace(tzinfo=None) - midnight.replace(tzinfo=None)) // step * step
        starts = []
        while start <= now:
            starts.append(start)
            start += step  # of the clock on the wall: a day has 23 to 25 hours
        return cls(starts=tuple(starts), end=start, zone=zone)

    def __len__(self) -> int:
        """Return the number of bins."""
        return len(self.starts)

    def group(self, values: Iterable[tuple[datetime, Value]]) -> Mapping[int, list[Value]]:
        """Return the values of each bin, by its index; a value belongs to the bin that its time is in."""
        grouped: dict[int, list[Value]] = defaultdict(list)
        starts = [start.timestamp() for start in self.starts]
        for at, value in values:
            if (index := bisect_right(starts, at.timestamp()) - 1) >= 0:
                grouped[index].append(value)
        return grouped

    def bounds(self, index: int) -> tuple[datetime, datetime]:
        """Return the start and the end of a bin."""
        return self.starts[index], (*self.starts, self.end)[index + 1]

    def label(self, index: int) -> str:
        """Return the start of a bin as text: with its day where bins are days or begin one."""
        start, end = self.bounds(index)
        day = day_and_month(start)
        return day if end - start >= _DAY else f"{day}, {start:%H:%M}"

    def ticks(self) -> tuple[Tick, ...]:
        """Return the ticks of an axis under the bins."""
        return TimeScale.of(self.starts[0], self.end).ticks(self.zone)
