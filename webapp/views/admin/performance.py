"""Performance over a period: runs by job type, wait times by queue, and the percentiles of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.metrics.attempt_stats import FAILURES, AttemptStats
from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.jobs.metrics.hourly_series import Hours
from webapp.jobs.model.job import EventName
from webapp.views.charts.bars import BarRow, bar_row
from webapp.views.charts.time_bins import TimeBins
from webapp.views.charts.time_range import PERIODS, chosen_range
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.date_format import duration
from webapp.views.text.number_format import number
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

bp = Blueprint("performance", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
PERCENTILES = (0.5, 0.95, 0.99)
_STACK = ("failed", "stopped", "done")  # from the bottom of a bar
Runs = Mapping[tuple[datetime, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Formatted durations, one per percentile; empty without samples, unreliable with ``few``."""

    texts: tuple[str, ...]
    samples: int
    few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePerformance:
    """The runs of one job type in the period."""

    type_name: str
    title: str
    runs: int
    failures: int
    share: float
    ran: Percentiles
    waited: Percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row of a chart: its bars, and the same as texts, one per bin."""

    name: str
    title: str
    row: BarRow
    peak: str
    total: str
    cells: tuple[str, ...]


@bp.get("/admin/performance")
def index() -> ResponseReturnValue:
    """Compare job types and queues over a period of whole hours, because runs are counted per hour."""
    context = viewer_context()
    period = chosen_range(context)
    return render_template(
        "admin/performance/index.html",
        rows=[_type_performance(stats) for stats in services().metrics.attempt_stats(period.start)],
        period=period,
        periods=PERIODS,
        throughput=throughput(services().metrics.count_runs_by_hour(period.start), period.bins),
        waits=wait_series(services().metrics.wait_times_by_hour(period.start), period.bins),
        shares=[f"p{100 * share:.0f}" for share in PERCENTILES],
    )


def throughput(runs: Runs, bins: TimeBins) -> tuple[Series, ...]:
    """Return the runs of each job type, most first; each row has its own peak."""
    totals: dict[str, int] = {}
    for (_hour, name, _outcome), count in runs.items():
        totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: (-totals[name], name))
    return tuple(_throughput_series(name, totals[name], runs, bins) for name in names)


def wait_series(waits: Mapping[str, Hours], bins: TimeBins) -> tuple[Series, ...]:
    """Return the 95th percentile of the wait times of each queue, by name; each row has its own peak."""
    return tuple(_wait_series(name, bins.group(waits[name].items()), bins) for name in sorted(waits))


def _throughput_series(name: str, total: int, runs: Runs, bins: TimeBins) -> Series:
    own = bins.group(
        (hour, (_tone(outcome), count)) for (hour, type_name, outcome), count in runs.items() if type_name == name
    )
    stacks = {index: _stack(parts) for index, parts in own.items()}
    sums = {index: sum(count for _, count in stack) for index, stack in stacks.items()}
    peak = max(sums.values())
    texts = {index: _counts_text(stack) for index, stack in stacks.items()}
    return Series(
        name=name,
        title=type_title(name),
        row=bar_row(bins, stacks, peak, texts),
        peak=number(peak),
        total=number(total),
        cells=tuple(texts.get(index, "") for index in range(len(bins))),
    )


def _wait_series(name: str, hours: Mapping[int, Sequence[DurationHistogram]], bins: TimeBins) -> Series:
    bin_waits = {index: DurationHistogram.sum_of(parts) for index, parts in hours.items()}
    seconds = {index: _p95(waits) for index, waits in bin_waits.items()}
    every = DurationHistogram.sum_of(bin_waits.values())
    texts = {index: _wait_text(waits) for index, waits in bin_waits.items()}
    return Series(
        name=name,
        title=name,
        row=bar_row(
            bins, {index: [("waiting", value)] for index, value in seconds.items()}, max(seconds.values()), texts
        ),
        peak=_duration_text(max(bin_waits.values(), key=_p95)),
        total=_wait_text(every),
        cells=tuple(texts.get(index, "") for index in range(len(bins))),
    )


def type_title(name: str) -> str:
    """Return the title of a job type, or the name of one that is not installed any more."""
    return services().registry.title_of(name)


def _tone(outcome: str) -> str:
    if outcome in FAILURES:
        return "failed"
    return "stopped" if outcome == EventName.CANCELLED else "done"


def _stack(parts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    counts = dict.fromkeys(_STACK, 0)
    for tone, count in parts:
        counts[tone] += count
    return list(counts.items())


def _counts_text(stack: Sequence[tuple[str, int]]) -> str:
    counts = dict(stack)
    runs = ngettext("%(num)s run", "%(num)s runs", sum(counts.values()))
    failed = _("%(count)s failed", count=number(counts["failed"])) if counts["failed"] else ""
    return ", ".join(filter(None, (runs, failed)))


def _p95(waits: DurationHistogram) -> float:
    found = waits.percentile(0.95)
    return found.total_seconds() if found else 0.0


def _duration_text(waits: DurationHistogram) -> str:
    found = waits.percentile(0.95)
    return duration(found) if found else ""


def _wait_text(waits: DurationHistogram) -> str:
    jobs = ngettext("%(jobs)s job", "%(jobs)s jobs", waits.samples, jobs=number(waits.samples))
    return f"{_duration_text(waits)} · {jobs}"


def _type_performance(stats: AttemptStats) -> TypePerformance:
    return TypePerformance(
        type_name=stats.type_name,
        title=type_title(stats.type_name),
        runs=stats.runs,
        failures=stats.failures,
        share=stats.failure_percent,
        ran=_percentiles(stats.run_times),
        waited=_percentiles(stats.wait_times),
    )


def _percentiles(durations: DurationHistogram) -> Percentiles:
    periods = [durations.percentile(share) for share in PERCENTILES]
    texts = tuple("" if period is None else duration(period) for period in periods)
    return Percentiles(texts=texts, samples=durations.samples, few=durations.is_small_sample)
