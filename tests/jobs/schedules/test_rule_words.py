"""Every sentence is read back and compared with the times at which the rule runs."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.jobs.schedules import rule_words
from webapp.jobs.schedules.cron_rule import CronRule, InvalidCronRule
from webapp.jobs.schedules.rule_words import in_english
from webapp.views.text.translations import gettext

Say = Callable[..., str]
Matches = Callable[[datetime], bool]
NAMES = ("first", "second", "last", "days", "times", "day", "months", "hours", "minutes", "count", "pace")
SLOTS = {name: f"<<{name}>>" for name in NAMES}  # values that mark the places of a template


class Reader:
    """Reads a sentence in the language of ``say``: its patterns are made from the same texts."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.weekdays = {say(name).lower(): number for number, name in enumerate(rule_words.WEEKDAYS)}
        self.months = {say(name).lower(): number for number, name in enumerate(rule_words.MONTHS, 1)}

    def match(self, text: str, words: str) -> dict[str, str] | None:
        template = self.say(text) if "%(" not in text else self.say(text, **SLOTS)
        pattern = re.escape(template).replace("<<", "(?P<").replace(">>", ">.+)")
        found = re.fullmatch(pattern, words, re.IGNORECASE)
        return found.groupdict() if found else None

    def sentence(self, words: str) -> Matches:
        for first, second in splits(words):
            if part := self.match(rule_words.IN_MONTHS, second):
                numbers, rest = self.numbers(part["months"], self.months), self.times(first)
                return lambda at: at.month in numbers and rest(at)
        return self.times(words)

    def times(self, words: str) -> Matches:
        part = self.match(rule_words.DAYS_AT, words)
        times = self.items(part["times"]) if part else []
        if part and all(re.fullmatch(r"\d\d:\d\d", time) for time in times):
            days = self.days(part["days"])
            return lambda at: f"{at:%H:%M}" in times and days(at)
        for first, second in splits(words):
            with suppress(ValueError, KeyError):
                pace, days = self.pace(first), self.days(second)
                return lambda at, pace=pace, days=days: pace(at) and days(at)  # type: ignore[misc]
        return self.pace(words)

    def pace(self, words: str) -> Matches:
        part = self.match(rule_words.BETWEEN, words)
        if part and re.fullmatch(r"\d\d:\d\d \d\d:\d\d", f"{part['first']} {part['last']}"):
            inner, first, last = self.pace(part["pace"]), part["first"], part["last"]
            return lambda at: first <= f"{at:%H:%M}" <= last and inner(at)
        for text in (rule_words.AT_MINUTE, rule_words.AT_MINUTES):
            part = self.match(text, words)
            if part:
                minutes, hours = self.numbers(part["minutes"]), self.hours(part["pace"])
                return lambda at: at.minute in minutes and hours(at)
        if self.match(rule_words.EVERY_MINUTE, words) is not None:
            return always
        part = self.match(rule_words.EVERY_MINUTES, words)
        if part and part["count"].isdigit():
            return lambda at: at.minute % int(part["count"]) == 0
        raise ValueError(words)

    def hours(self, words: str) -> Matches:
        if self.match(rule_words.EVERY_HOUR, words) is not None:
            return always
        if part := self.match(rule_words.EVERY_HOURS, words):
            return lambda at: at.hour % int(part["count"]) == 0
        for text in (rule_words.IN_HOUR, rule_words.IN_HOURS):
            if part := self.match(text, words):
                hours = self.numbers(part["hours"])
                return lambda at: at.hour in hours
        raise ValueError(words)

    def days(self, words: str) -> Matches:
        for text, combine in ((rule_words.BOTH, all), (rule_words.EITHER, any)):
            if part := self.match(text, words):
                both = [self.days(part["first"]), self.days(part["second"])]
                return lambda at, combine=combine, both=both: combine(day(at) for day in both)  # type: ignore[misc]
        return self.plain_days(words)

    def plain_days(self, words: str) -> Matches:  # noqa: PLR0911  (one per text)
        if self.match(rule_words.EVERY_DAY, words) is not None:
            return always
        if self.match(rule_words.LAST_DAY, words) is not None:
            return lambda at: (at + timedelta(days=1)).month != at.month
        if self.match(rule_words.LAST_WORKDAY, words) is not None:
            return is_last_workday
        for text in (
            rule_words.DAY_OF_MONTH,
            rule_words.DAYS_OF_MONTH,
            rule_words.DAY_IF_THERE,
            rule_words.DAYS_IF_THERE,
        ):
            if part := self.match(text, words):
                days = self.numbers(part["days"])
                return lambda at: at.day in days
        for nth, text in enumerate((*rule_words.NTHS, rule_words.LAST_NTH)):
            if part := self.match(text, words):
                return self.nth(nth, self.weekdays[part["day"].lower()])
        if part := self.match(rule_words.WEEKDAY_RANGE, words):
            first, last = self.weekdays[part["first"].lower()], self.weekdays[part["last"].lower()]
            return lambda at: first <= at.weekday() <= last
        if part := self.match(rule_words.EVERY_WEEKDAY, words):
            names = {self.weekdays[name.lower()] for name in self.items(part["days"])}
            return lambda at: at.weekday() in names
        raise ValueError(words)

    def nth(self, nth: int, weekday: int) -> Matches:
        if nth == len(rule_words.NTHS):
            return lambda at: at.weekday() == weekday and (at + timedelta(days=7)).month != at.month
        return lambda at: at.weekday() == weekday and (at.day - 1) // 7 == nth

    def items(self, words: str) -> list[str]:
        part = self.match(rule_words.LIST, words)
        return [*part["first"].split(", "), part["last"]] if part else [words]

    def numbers(self, words: str, names: dict[str, int] | None = None) -> set[int]:
        found: set[int] = set()
        for item in self.items(words):
            part = self.match(rule_words.RANGE, item) or {"first": item, "last": item}
            first, last = (names[part[end].lower()] if names else int(part[end]) for end in ("first", "last"))
            found |= set(range(first, last + 1))
        return found


def splits(words: str) -> list[tuple[str, str]]:
    """Return the words before and after each comma."""
    return [(words[: found.start()], words[found.end() :]) for found in re.finditer(", ", words)]


def always(_: datetime) -> bool:
    return True


def is_last_workday(at: datetime) -> bool:
    after = [at + timedelta(days=number) for number in range(1, 4)]
    return at.weekday() < 5 and not any(day.month == at.month and day.weekday() < 5 for day in after)


def field(low: int, high: int, *special: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map("{0[0]}-{0[1]}".format)
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, high)).map("{0[0]}/{0[1]}".format)
    item = st.one_of(number.map(str), span, step, *map(st.just, special))
    return st.one_of(st.just("*"), item, st.lists(item, min_size=2, max_size=3).map(",".join))


rules = st.tuples(
    field(0, 59),
    field(0, 23),
    field(1, 31, "L", "LW"),
    field(1, 12, "NOV-FEB", "JAN"),
    field(0, 7, "FRI-SUN", "SAT-MON", "MON-FRI", "1#2", "5#5", "5L", "0L"),
).map(" ".join)
starts = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
EXAMPLES = [
    "0 0 1 * 2",
    "0 0 31 * *",
    "0 9 21 * *",
    "*/50 * * * *",
    "0 0 29 2 *",
    "0 9 * * FRI-SUN",
    "*/15 9-17 * * 1-5",
    "* */2 * * *",
    "7 3,9,12-20 * 1,3-5 *",
    "0 0 */2 * 1",
    "0 0 LW * 5L",
    "*/7 9 * * *",
    "0 0 1-7 * 0-6",
]


def check(text: str, start: datetime, words: str, say: Say) -> None:
    rule = CronRule.parse(text, "UTC")
    matches = Reader(say).sentence(words)
    runs = rule.next(start, 20)
    assert [at for at in runs if not matches(at)] == [], words
    first = start.replace(second=0, microsecond=0)
    minutes = [first + timedelta(minutes=number) for number in range(1, 3000)]
    assert [at for at in minutes if matches(at)] == list(rule.between(first, minutes[-1])), words


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("language", ["en", "de"])
def test_well_known_traps_are_described_truly(app: Flask, text: str, language: str) -> None:
    with app.test_request_context(), force_locale(language):
        words = CronRule.parse(text, "UTC").describe(gettext)
        check(text, datetime(2026, 1, 28, tzinfo=UTC), words, gettext)


@given(text=rules, start=starts)
@settings(deadline=None)
def test_the_words_of_a_rule_are_true(text: str, start: datetime) -> None:
    try:
        rule = CronRule.parse(text, "UTC")
    except InvalidCronRule:
        return
    check(text, start, rule.describe(), in_english)


def test_all_texts_are_translated(app: Flask) -> None:
    texts = [text for name, text in vars(rule_words).items() if name.isupper() and isinstance(text, str)]
    texts += [*rule_words.WEEKDAYS, *rule_words.NTHS, *rule_words.MONTHS]
    alike = {rule_words.PART_AND_PART, "April", "August", "September", "November"}
    with app.test_request_context(), force_locale("de"):
        assert {text for text in texts if gettext(text) == text} == alike
