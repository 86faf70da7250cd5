"""Percentiles over time as bars."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask

from webapp.jobs.metrics.histogram import DurationHistogram, bucket_of
from webapp.views.charts.percentile_bars import percentile_chart
from webapp.views.charts.time_bins import TimeBins


def test_a_bar_reaches_from_the_median_to_the_95th_percentile(app: Flask) -> None:
    day = timedelta(days=1)
    bins = TimeBins.until(datetime(2026, 11, 28, tzinfo=UTC), 3 * day, day, ZoneInfo("UTC"))
    mixed = DurationHistogram({bucket_of(1): 50, bucket_of(100): 50})
    with app.test_request_context():
        chart = percentile_chart(bins, {1: mixed, 2: DurationHistogram({bucket_of(1): 3}), 3: DurationHistogram({})})
    full, few = chart.bars
    assert 0 <= full.top < full.median <= 100
    assert full.height == round(full.median - full.top, 2)
    assert (full.label, full.samples, full.few) == ("26 Nov", 100, False)
    assert (few.samples, few.few) == (3, True)
    assert few.height > 0
