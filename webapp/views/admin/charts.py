"""Bar charts of finished jobs per hour, and sparklines. Pure except for translated labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.text.translations import gettext as _

HOUR = timedelta(hours=1)
HOURS_SHOWN = 24  # complete hours; the hour in progress comes on top
BAR_ORDER = ("failed", "stopped", "done")  # tabs, from the bottom of a bar
TABLE_ORDER = ("done", "failed", "stopped")
_HEIGHT, _WIDTH, _GAP = 100, 12, 3
_SPARK_HEIGHT, _SPARK_WIDTH, _SPARK_STEP, _SPARK_LEAST = 24, 3, 4, 2.0
Counts = Mapping[tuple[datetime, str], int]  # by the start of the hour and the status


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSegment:
    """The jobs of one hour with one outcome: a segment of its bar and a cell of the table."""

    tab: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBar:
    """One hour; ``since`` and ``until`` bound the job list that its numbers link to."""

    since: str
    until: str
    label: str
    in_progress: bool
    x: int
    segments: tuple[BarSegment, ...]

    @property
    def cells(self) -> tuple[BarSegment, ...]:
        """The segments in the order of the table."""
        return tuple(segment for tab in TABLE_ORDER for segment in self.segments if segment.tab == tab)

    @property
    def count(self) -> int:
        """How many jobs finished in this hour."""
        return sum(segment.count for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The hours, oldest first, and the size of the picture; its full height stands for ``peak`` jobs."""

    hours: tuple[HourBar, ...]
    peak: int
    zone: str
    width: int = (HOURS_SHOWN + 1) * (_WIDTH + _GAP)
    height: int = _HEIGHT
    bar: int = _WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A row of small bars as ``(x, y, height)``, and the sum of what they show."""

    bars: tuple[tuple[int, float, float], ...]
    total: int
    width: int
    bar: int = _SPARK_WIDTH
    height: int = _SPARK_HEIGHT


def build_chart(counts: Counts, now: datetime, zone: ZoneInfo) -> Chart:
    """Return a chart of the jobs that finished since `chart_start`."""
    starts = [chart_start(now) + index * HOUR for index in range(HOURS_SHOWN + 1)]
    peak = max(sum(count_ended(counts, tab, start) for tab in BAR_ORDER) for start in starts)
    hours = tuple(_hour_bar(counts, start, index, max(peak, 1), zone) for index, start in enumerate(starts))
    return Chart(hours=hours, peak=peak, zone=zone.key)


def chart_start(now: datetime) -> datetime:
    """Return the start of the first hour shown; it is a whole hour, because jobs are counted per hour."""
    return _start_of_hour(now) - HOURS_SHOWN * HOUR


def count_ended(counts: Counts, tab: str, hour: datetime | None = None) -> int:
    """Return how many jobs of a tab finished, in one hour or in all of them."""
    statuses = set(TABS[tab])
    return sum(count for (at, status), count in counts.items() if status in statuses and hour in {None, at})


def outcome_labels() -> dict[str, str]:
    """Return the label of each outcome, by tab."""
    return {"done": _("Done"), "failed": _("Failed"), "stopped": _("Stopped")}


def build_sparkline(counts: Mapping[datetime, int], now: datetime, hours: int) -> Sparkline:
    """Return a sparkline of the last hours, including the one in progress; every count above zero is visible."""
    last = _start_of_hour(now)
    numbers = [counts.get(last - index * HOUR, 0) for index in range(hours - 1, -1, -1)]
    peak = max(1, *numbers)
    heights = [max(_SPARK_LEAST, round(number / peak * _SPARK_HEIGHT, 1)) if number else 0.0 for number in numbers]
    bars = tuple(
        (index * _SPARK_STEP, _SPARK_HEIGHT - height, height) for index, height in enumerate(heights) if height
    )
    return Sparkline(bars=bars, total=sum(numbers), width=hours * _SPARK_STEP)


def _start_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _hour_bar(counts: Counts, start: datetime, index: int, peak: int, zone: ZoneInfo) -> HourBar:
    return HourBar(
        since=start.isoformat(),
        until=(start + HOUR).isoformat(),
        label=f"{start.astimezone(zone):%H:%M}",
        in_progress=index == HOURS_SHOWN,
        x=index * (_WIDTH + _GAP),
        segments=tuple(_segments([(tab, count_ended(counts, tab, start)) for tab in BAR_ORDER], peak)),
    )


def _segments(counts: list[tuple[str, int]], peak: int) -> Iterator[BarSegment]:
    """Stack the segments of a bar, beginning at the bottom."""
    stacked = 0.0
    for tab, count in counts:
        height = round(count / peak * _HEIGHT, 2)
        stacked += height
        yield BarSegment(tab=tab, count=count, y=round(_HEIGHT - stacked, 2), height=height)
