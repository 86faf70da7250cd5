from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.schedules.cron_rule import CronRule, InvalidCronRule, UnknownTimeZone

SECONDS = 7 * 365 * 24 * 3600
moments = st.integers(0, SECONDS).map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC")
BAD_RULES = {
    "*/0 * * * *": "'*/0' is not a valid minute",
    "60 * * * *": "'60' is not a valid minute",
    "0 24 * * *": "'24' is not a valid hour",
    "0 0 0 * *": "'0' is not a valid day of the month",
    "0 0 1 13 *": "'13' is not a valid month",
    "0 0 * * 8": "'8' is not a valid day of the week",
    "0 0 * * 1#2/3": "'1#2/3' is not a valid day of the week",
    "H * * * *": "'H' is not a valid minute",
    "٣ * * * *": "'٣' is not a valid minute",
    "1, * * * *": "'1,' is not a valid minute",
    "\0 * * * *": "is not a valid minute",
    "0 0 31 2 *": "never runs",
    "0 0 31 4,6 *": "never runs",
    "0 0 0 * * *": "this one has 6",
    "0 0 * * * * *": "this one has 7",
    "@reboot": "this one has 1",
    "": "this one has 0",
    "1" * 10_000: "A rule can have at most 100 characters, not 10,000.",
}


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local(moments: tuple[datetime, ...], zone: str) -> list[str]:
    return [f"{moment.astimezone(ZoneInfo(zone)):%d %H:%M %z}" for moment in moments]


@pytest.mark.parametrize(("text", "sentence"), BAD_RULES.items(), ids=range(len(BAD_RULES)))
def test_an_invalid_rule_is_refused_with_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidCronRule) as refused:
        CronRule.parse(text, "UTC")
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("zone", ["Mars/Base", "", "America", "../../etc/passwd", "/etc/passwd", "posixrules", "\0"])
def test_an_unknown_zone_is_refused_with_one_sentence(zone: str) -> None:
    with pytest.raises(UnknownTimeZone, match="Example: Europe/Madrid"):
        CronRule.parse("0 2 * * *", zone)


@pytest.mark.parametrize(
    ("over_the_end", "plain"),
    [
        ("0 0 * * FRI-SUN", "0 0 * * 5-7"),
        ("0 0 * * sat-sun", "0 0 * * 6-7"),
        ("0 0 * * 5-0", "0 0 * * 5-7"),
        ("0 0 * * WED-SUN/2", "0 0 * * 3-7/2"),
        ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
        ("0 0 * * 7-2", "0 0 * * 0-2"),
        ("0 0 * * MON,FRI-SUN", "0 0 * * 0,1,5,6"),
        ("0 0 1 NOV-FEB *", "0 0 1 1,2,11,12 *"),
        ("0 0 1 12-1 *", "0 0 1 1,12 *"),
    ],
)
def test_ranges_of_weekdays_and_months_can_go_over_the_end(over_the_end: str, plain: str) -> None:
    start = at("2026-01-01T00:00")
    assert CronRule.parse(over_the_end, "UTC").next(start, 60) == CronRule.parse(plain, "UTC").next(start, 60)


@pytest.mark.parametrize("rule", ["50-10 * * * *", "0 22-6 * * *", "0 0 20-5 * *", "0 0 * * FRI-MON/2"])
def test_other_ranges_over_the_end_are_refused(rule: str) -> None:
    with pytest.raises(InvalidCronRule):
        CronRule.parse(rule, "UTC")


def test_spaces_are_normalized() -> None:
    assert CronRule.parse("  0\t2 * *  mon-fri ", "UTC") == CronRule.parse("0 2 * * mon-fri", "UTC")


def test_the_29th_of_february_is_found() -> None:
    assert CronRule.parse("0 0 29 2 *", "UTC").after(at("2096-03-01T00:00")) == at("2104-02-29T00:00")


def test_a_time_is_not_after_itself() -> None:
    rule = CronRule.parse("0 2 * * *", "UTC")
    assert rule.after(at("2026-05-01T02:00")) == at("2026-05-02T02:00")
    assert rule.after(at("2026-05-01T01:59:59.999999")) == at("2026-05-01T02:00")


@pytest.mark.parametrize(
    ("zone", "night", "rule", "times"),
    [
        ("Europe/Madrid", "2026-03-28T12:00", "30 2 * * *", ["29 03:00 +0200", "30 02:30 +0200"]),
        ("Europe/Madrid", "2026-10-24T12:00", "30 2 * * *", ["25 02:30 +0200", "26 02:30 +0100"]),
        ("Europe/Madrid", "2026-03-29T01:15", "30 * * * *", ["29 01:30 +0100", "29 03:30 +0200"]),
        ("Europe/Madrid", "2026-10-25T01:45", "30 * * * *", ["25 02:30 +0200", "25 02:30 +0100"]),
        ("America/New_York", "2026-03-07T12:00", "15 2 * * *", ["08 03:00 -0400", "09 02:15 -0400"]),
        ("America/New_York", "2026-10-31T12:00", "15 1 * * *", ["01 01:15 -0400", "02 01:15 -0500"]),
        ("Australia/Lord_Howe", "2026-10-03T12:00", "15 2 * * *", ["04 02:30 +1100", "05 02:15 +1100"]),
        ("Australia/Lord_Howe", "2026-04-04T12:00", "45 1 * * *", ["05 01:45 +1100", "06 01:45 +1030"]),
        ("America/Santiago", "2026-09-05T12:00", "0 0 * * *", ["06 01:00 -0300", "07 00:00 -0300"]),
    ],
)
def test_both_changes_of_daylight_saving_time_are_handled(zone: str, night: str, rule: str, times: list[str]) -> None:
    assert local(CronRule.parse(rule, zone).next(at(night, zone), 2), zone) == times


def test_a_time_in_the_repeated_hour_is_not_found_in_the_past() -> None:
    second_quarter_past_two = at("2026-10-25T01:15")
    found = CronRule.parse("30 2 * * *", "Europe/Madrid").after(second_quarter_past_two)
    assert found == at("2026-10-26T01:30")


@given(zone=st.sampled_from(ZONES), day=st.dates(date(2024, 1, 1), date(2030, 12, 31)), hour=st.integers(1, 23))
def test_a_time_of_day_fires_once_every_day(zone: str, day: date, hour: int) -> None:
    rule = CronRule.parse(f"30 {hour} * * *", zone)
    noon = at(f"{day}T00:00", zone) - timedelta(hours=12)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in rule.next(noon, 5)]
    assert days == [days[0] + timedelta(days=number) for number in range(5)]


@given(zone=st.sampled_from(ZONES), moment=moments)
def test_a_minute_interval_continues_through_daylight_saving_changes(zone: str, moment: datetime) -> None:
    found = CronRule.parse("*/15 * * * *", zone).next(moment, 8)
    assert found[0] - moment <= timedelta(minutes=15)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=15)}


@given(
    rule=st.sampled_from(["* * * * *", "7 * * * *", "30 2 * * *", "0 0 1 * *", "0 9 * * 1-5"]),
    zone=st.sampled_from(ZONES),
    since=moments,
    minutes=st.integers(0, 3000),
    limit=st.integers(1, 120),
)
def test_the_latest_times_are_the_last_of_all_times(
    rule: str, zone: str, since: datetime, minutes: int, limit: int
) -> None:
    until = since + timedelta(minutes=minutes)
    parsed = CronRule.parse(rule, zone)
    assert parsed.latest(since, until, limit) == tuple(parsed.between(since, until))[-limit:]


@pytest.mark.parametrize(
    ("rule", "interval"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/7 * * * *", timedelta(minutes=4)),  # from minute 56 to the next hour
        ("0,59 0 * * *", timedelta(minutes=59)),
        ("0 0,23 * * *", timedelta(hours=1)),  # over midnight
        ("0 0,23 1,15 * *", timedelta(hours=23)),
        ("0 0,23 1,31 * *", timedelta(hours=1)),  # from the 31st to the 1st
        ("30 8 * * 1", timedelta(days=7)),
        ("30 8 * * MON-FRI", timedelta(days=1)),
        ("0 9 1 * *", timedelta(days=28)),
        ("0 9 29 2 *", timedelta(days=4 * 365 + 1)),
    ],
)
def test_the_shortest_interval_of_a_rule(rule: str, interval: timedelta) -> None:
    assert CronRule.parse(rule, "Europe/Madrid").shortest_interval() == interval


@given(
    st.sampled_from(["0", "*/25", "5,50"]), st.sampled_from(["*", "1,23", "*/7"]), st.sampled_from(["*", "1", "*/9"])
)
def test_no_two_runs_are_closer_than_the_shortest_interval(minute: str, hour: str, day: str) -> None:
    rule = CronRule.parse(f"{minute} {hour} {day} * *", "UTC")
    runs = rule.next(datetime(2023, 12, 31, 22, tzinfo=UTC), 400)
    assert min(later - earlier for earlier, later in pairwise(runs)) >= rule.shortest_interval()
