"""Jobs that ended, hour by hour, as bars and as a table. Pure but for the words.

A line of small bars, hour by hour. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.text.translations import gettext as _

HOUR = timedelta(hours=1)
SHOWN = 24  # whole hours, and the one that is filling
_ENDINGS = ("failed", "stopped", "done")  # tabs, from the bottom of a bar
TABLE = ("done", "failed", "stopped")
_HEIGHT, _WIDTH, _GAP = 100, 12, 3
Counts = Mapping[tuple[datetime, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSegment:
    """The jobs of one hour that ended in one way: a piece of its bar, and a number of the table."""

    tab: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBar:
    """One hour; ``since`` and ``until`` bound the list that its numbers lead to."""

    since: str
    until: str
    label: str
    in_progress: bool
    x: int
    segments: tuple[BarSegment, ...]

    @property
    def cells(self) -> tuple[BarSegment, ...]:
        """The same in the order of the table."""
        return tuple(part for tab in TABLE for part in self.segments if part.tab == tab)

    @property
    def count(self) -> int:
        """How many jobs ended in it."""
        return sum(part.count for part in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The hours, oldest first, and the size of the picture; ``peak`` is what its full height means."""

    hours: tuple[HourBar, ...]
    peak: int
    zone: str
    width: int = (SHOWN + 1) * (_WIDTH + _GAP)
    height: int = _HEIGHT
    bar: int = _WIDTH


def chart_start(now: datetime) -> datetime:
    """Return where the shown hours begin: whole ones, so that their sums are known."""
    return now.replace(minute=0, second=0, microsecond=0) - SHOWN * HOUR


def build_chart(counts: Counts, now: datetime, zone: ZoneInfo) -> Chart:
    """Draw the jobs that ended since `chart_start`."""
    starts = [chart_start(now) + place * HOUR for place in range(SHOWN + 1)]
    peak = max(sum(count_ended(counts, tab, start) for tab in _ENDINGS) for start in starts)
    hours = tuple(_hour_bar(counts, start, place, max(peak, 1), zone) for place, start in enumerate(starts))
    return Chart(hours=hours, peak=peak, zone=zone.key)


def count_ended(counts: Counts, tab: str, hour: datetime | None = None) -> int:
    """Add up the jobs of a tab, of one hour or of all."""
    statuses = set(TABS[tab])
    return sum(count for (at, status), count in counts.items() if status in statuses and hour in {None, at})


def _hour_bar(counts: Counts, start: datetime, place: int, peak: int, zone: ZoneInfo) -> HourBar:
    return HourBar(
        since=start.isoformat(),
        until=(start + HOUR).isoformat(),
        label=f"{start.astimezone(zone):%H:%M}",
        in_progress=place == SHOWN,
        x=place * (_WIDTH + _GAP),
        segments=tuple(_segments([(tab, count_ended(counts, tab, start)) for tab in _ENDINGS], peak)),
    )


def _segments(counts: list[tuple[str, int]], peak: int) -> Iterator[BarSegment]:
    below = 0.0
    for tab, count in counts:
        height = round(count / peak * _HEIGHT, 2)
        below += height
        yield BarSegment(tab=tab, count=count, y=round(_HEIGHT - below, 2), height=height)


def outcome_labels() -> dict[str, str]:
    """Return what people read of each way to end."""
    return {"done": _("Done"), "failed": _("Failed"), "stopped": _("Stopped")}


_HOUR = timedelta(hours=1)
_SPARK_WIDTH, _STEP, _SPARK_HEIGHT = 3, 4, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """The bars as ``(x, y, height)``, and the sum of what they show."""

    bars: tuple[tuple[int, float, float], ...]
    total: int
    width: int
    bar: int = _SPARK_WIDTH
    height: int = _SPARK_HEIGHT


def sparkline(counts: Mapping[datetime, int], now: datetime, hours: int) -> Sparkline:
    """Draw the last hours, the one that is filling among them; an hour with anything has at least a dot."""
    last = now.replace(minute=0, second=0, microsecond=0)
    numbers = [counts.get(last - place * _HOUR, 0) for place in range(hours - 1, -1, -1)]
    peak = max(1, *numbers)
    heights = [max(2.0, round(number / peak * _SPARK_HEIGHT, 1)) if number else 0.0 for number in numbers]
    bars = tuple((place * _STEP, _SPARK_HEIGHT - height, height) for place, height in enumerate(heights) if height)
    return Sparkline(bars=bars, total=sum(numbers), width=hours * _STEP)
