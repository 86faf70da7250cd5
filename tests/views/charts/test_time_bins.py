"""Bins of local hours and days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask

from webapp.views.charts.time_bins import TimeBins

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MADRID = ZoneInfo("Europe/Madrid")


def test_hours_end_with_the_one_in_progress() -> None:
    now = datetime(2026, 11, 28, 10, 20, tzinfo=UTC)
    bins = TimeBins.until(now, DAY, HOUR, ZoneInfo("UTC"))
    assert len(bins) == 25
    assert bins.starts[0] == datetime(2026, 11, 27, 10, tzinfo=UTC)
    assert bins.bounds(24) == (datetime(2026, 11, 28, 10, tzinfo=UTC), datetime(2026, 11, 28, 11, tzinfo=UTC))


def test_days_are_those_of_the_viewer_even_when_the_clocks_change() -> None:
    bins = TimeBins.until(datetime(2026, 10, 26, 12, tzinfo=UTC), 3 * DAY, DAY, MADRID)
    assert [f"{start:%d %H:%M}" for start in bins.starts] == ["23 00:00", "24 00:00", "25 00:00", "26 00:00"]
    assert (bins.starts[3].astimezone(UTC) - bins.starts[2].astimezone(UTC)) == 25 * HOUR


def test_values_belong_to_the_bin_of_their_time() -> None:
    bins = TimeBins.until(datetime(2026, 11, 28, 10, 20, tzinfo=UTC), 2 * HOUR, HOUR, ZoneInfo("UTC"))
    at = datetime(2026, 11, 28, 9, tzinfo=UTC)
    values = [(at - 5 * HOUR, 1), (at - timedelta(seconds=1), 2), (at, 3), (at + timedelta(minutes=59), 4)]
    assert bins.group(values) == {0: [2], 1: [3, 4]}


def test_labels_name_the_day(app: Flask) -> None:
    now = datetime(2026, 11, 28, 10, 20, tzinfo=UTC)
    with app.test_request_context():
        assert TimeBins.until(now, DAY, HOUR, ZoneInfo("UTC")).label(0) == "27 Nov, 10:00"
        assert TimeBins.until(now, 3 * DAY, DAY, ZoneInfo("UTC")).label(0) == "25 Nov"
