from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.views.text.date_format import clock_time, duration, relative_time, rough_duration, short_date, time_of_day

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=3), "today, 09:00"),
        (timedelta(hours=13), "yesterday, 23:00"),
        (timedelta(days=9), "12 Nov, 12:00"),
        (timedelta(days=400), "17 Oct 2025, 12:00"),
        (timedelta(seconds=-30), "in 30 s"),
        (timedelta(minutes=-20), "in 20 min"),
        (timedelta(minutes=-59, seconds=-50), "today, 12:59"),
        (timedelta(days=-1), "tomorrow, 12:00"),
    ],
)
def test_a_time_is_relative_to_now(ago: timedelta, text: str) -> None:
    assert plain(relative_time(NOW - ago, NOW, ZONE).text) == text


def test_the_tooltip_has_the_exact_time_in_the_viewers_zone() -> None:
    said = relative_time(NOW - timedelta(hours=12, minutes=30), NOW, ZoneInfo("Europe/Madrid"))
    assert said.text == "today, 00:30"
    assert said.iso == "2026-11-20T23:30:00+00:00"
    assert said.title == "Saturday, 21 November 2026, 00:30:00 (Europe/Madrid)"


def test_a_time_on_another_day_has_its_date() -> None:
    assert clock_time(NOW, NOW, ZONE).text == "12:00:00"
    assert plain(clock_time(NOW - timedelta(days=2), NOW, ZONE).text) == "19 Nov, 12:00"
    assert time_of_day(NOW - timedelta(days=2), ZONE).text == "12:00:00"
    assert short_date(NOW + timedelta(days=7), NOW, ZONE).text == "28 Nov"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "less than 1 s"),
        (52, "52 s"),
        (120, "2 min"),
        (250, "4 min 10 s"),
        (3900, "1 h 5 min"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_measured_period_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert plain(duration(timedelta(seconds=seconds))) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "less than 5 s"), (5, "5 s"), (38, "40 s"), (58, "1 min"), (100, "2 min"), (3000, "50 min"), (9000, "2 h")],
)
def test_an_estimate_is_rounded(seconds: float, text: str) -> None:
    assert plain(rough_duration(timedelta(seconds=seconds))) == text


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", [ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Sao_Paulo")], ids=str)
def test_a_time_at_an_end_of_the_calendar_is_shown(at: datetime, zone: ZoneInfo) -> None:
    assert relative_time(at, NOW, zone).iso == clock_time(at, NOW, zone).iso == at.isoformat(timespec="seconds")
    assert time_of_day(at, zone).text
    assert short_date(at, NOW, zone).text
