"""A time scale: positions in percent and ticks at round local times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from webapp.views.charts.time_scale import TimeScale

START = datetime(2026, 11, 28, 9, 50, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")


def test_times_are_positions_and_stay_within_the_scale() -> None:
    scale = TimeScale.of(START, START + timedelta(hours=1))
    assert [scale.position(START + timedelta(minutes=minutes)) for minutes in (-5, 0, 15, 90)] == [0, 0, 25, 100]


def test_a_scale_without_a_length_has_one_second() -> None:
    assert TimeScale.of(START, START).position(START) == 0


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (timedelta(seconds=5), ["10:50:01", "10:50:02", "10:50:03", "10:50:04"]),
        (timedelta(hours=1), ["11:00", "11:10", "11:20", "11:30", "11:40"]),
        (timedelta(hours=30), ["18:00", "29 Nov", "06:00", "12:00"]),
        (timedelta(days=30), ["5 Dec", "12 Dec", "19 Dec", "26 Dec"]),
    ],
)
def test_ticks_are_at_round_times_of_the_viewer(app: Flask, length: timedelta, labels: list[str]) -> None:
    with app.test_request_context():
        ticks = TimeScale.of(START, START + length).ticks(MADRID)
    assert [tick.label for tick in ticks] == labels
    assert all(8 <= tick.at <= 92 for tick in ticks)


def test_a_narrow_chart_has_fewer_ticks(app: Flask) -> None:
    with app.test_request_context():
        ticks = TimeScale.of(START, START + timedelta(seconds=57)).ticks(MADRID, 3)
    assert len(ticks) <= 3
