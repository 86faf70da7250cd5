"""Rows of bars over time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask

from webapp.views.charts.bars import BarRow, bar_row
from webapp.views.charts.time_bins import TimeBins


def row(app: Flask, *parts: tuple[str, float], peak: float = 10) -> BarRow:
    hour = timedelta(hours=1)
    bins = TimeBins.until(datetime(2026, 11, 28, 10, tzinfo=UTC), 3 * hour, hour, ZoneInfo("UTC"))
    with app.test_request_context():
        return bar_row(bins, {1: parts}, peak, {1: "10 runs"})


def test_segments_are_stacked_from_the_bottom(app: Flask) -> None:
    (bar,) = row(app, ("failed", 2), ("done", 8)).bars
    assert [(part.tone, part.y, part.height) for part in bar.segments] == [("failed", 80, 20), ("done", 0, 80)]
    assert bar.description == "28 Nov, 08:00: 10 runs"
    assert (bar.since, bar.until) == ("2026-11-28T08:00:00+00:00", "2026-11-28T09:00:00+00:00")
    assert 25 <= bar.x < bar.x + bar.width <= 50


def test_a_small_count_is_visible_and_none_has_no_segment(app: Flask) -> None:
    (bar,) = row(app, ("failed", 1), ("stopped", 0), ("done", 999), peak=1000).bars
    assert [part.tone for part in bar.segments] == ["failed", "done"]
    assert bar.segments[0].height >= 3
    assert all(part.y >= 0 for part in bar.segments)
