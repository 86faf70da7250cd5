from datetime import UTC, datetime

import pytest

from webapp.notifications.quiet_hours import end_of_quiet_hours, is_time_of_day, latest_moment, start_of_day

BERLIN = "Europe/Berlin"


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(10, 20, 59), at(10, 20, 59)),  # 21:59 in Berlin
        (at(10, 21), at(11, 6)),  # 22:00
        (at(10, 23, 30), at(11, 6)),  # after midnight
        (at(11, 5, 59), at(11, 6)),
        (at(11, 6), at(11, 6)),  # 07:00
        (at(28, 22), at(29, 5)),  # the clocks go forward in this night
    ],
)
def test_quiet_hours_span_midnight_and_follow_the_clocks_of_their_zone(moment, expected):
    assert end_of_quiet_hours(moment, "22:00", "07:00", BERLIN) == expected


def test_quiet_hours_within_a_day_and_none():
    assert end_of_quiet_hours(at(10, 12), "12:00", "13:00", "UTC") == at(10, 13)
    assert end_of_quiet_hours(at(10, 13), "12:00", "13:00", "") == at(10, 13)
    assert end_of_quiet_hours(at(10, 12), "", "", "") == end_of_quiet_hours(at(10, 12), "12:00", "12:00", "UTC")


def test_the_latest_moment_of_a_time_of_day():
    assert latest_moment(at(10, 8), "08:30", BERLIN) == at(10, 7, 30)
    assert latest_moment(at(10, 7), "08:30", BERLIN) == at(9, 7, 30)
    assert start_of_day(at(10, 23, 30), BERLIN) == at(10, 23)


@pytest.mark.parametrize(("text", "good"), [("08:30", True), ("24:00", False), ("8:30", False), ("08:30\n", False)])
def test_a_time_of_day(text, good):
    assert is_time_of_day(text) is good
