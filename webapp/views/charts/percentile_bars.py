"""Percentiles over time: a bar from the median to the 95th percentile for each hour or day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.views.charts.duration_scale import DurationScale
from webapp.views.charts.time_bins import TimeBins
from webapp.views.charts.time_scale import Tick
from webapp.views.text.date_format import duration

_GAP = 0.3  # of a slot
_THINNEST = 1.5  # percent


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileBar:
    """One bin: places in percent, and its row in the table. ``few`` marks too few samples to rely on."""

    x: float
    width: float
    top: float
    median: float
    height: float
    label: str
    p50: str
    p95: str
    samples: int
    few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileChart:
    """The bars, oldest first, and the labels of both axes."""

    bars: tuple[PercentileBar, ...]
    times: tuple[Tick, ...]
    durations: tuple[Tick, ...]


def percentile_chart(bins: TimeBins, hours: Mapping[int, DurationHistogram]) -> PercentileChart:
    """Return a bar per bin that has samples; ``hours`` are the durations of each bin, by its index."""
    found = {index: _percentiles(hours[index]) for index in sorted(hours) if hours[index].samples}
    scale = DurationScale.of(period for pair in found.values() for period in pair)
    bars = tuple(_bar(bins, index, pair, hours[index], scale) for index, pair in found.items())
    return PercentileChart(bars=bars, times=bins.ticks(), durations=scale.ticks())


def _percentiles(durations: DurationHistogram) -> tuple[timedelta, timedelta]:
    median, p95 = durations.percentile(0.5), durations.percentile(0.95)
    return median or timedelta(), p95 or timedelta()


def _bar(
    bins: TimeBins,
    index: int,
    pair: tuple[timedelta, timedelta],
    samples: DurationHistogram,
    scale: DurationScale,
) -> PercentileBar:
    slot = 100 / len(bins)
    median, top = scale.position(pair[0]), scale.position(pair[1])
    return PercentileBar(
        x=round(slot * (index + _GAP / 2), 2),
        width=round(slot * (1 - _GAP), 2),
        top=top,
        median=median,
        height=round(max(median - top, _THINNEST), 2),
        label=bins.label(index),
        p50=duration(pair[0]),
        p95=duration(pair[1]),
        samples=samples.samples,
        few=samples.is_small_sample,
    )
