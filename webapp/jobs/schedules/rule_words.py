"""Cron rules in words, in any language. The words are made from the parsed rule, not from its text. Pure.

The texts are marked for the catalogue with `english`; a ``Translate`` looks them up and fills them in.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

from cronsim import CronSim

Translate = Callable[..., str]
_ALL_MINUTES, _ALL_HOURS, _ALL_DAYS = frozenset(range(60)), frozenset(range(24)), frozenset(range(1, 32))
_SHORT_MONTHS = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}  # days in a common year
_MOST_TIMES = 6  # times of day that are listed one by one


def english(text: str) -> str:
    """Mark a text for extraction into the catalogue."""
    return text


EVERY_MINUTE = english("Every minute")
EVERY_MINUTES = english("Every %(count)s minutes")
EVERY_HOUR = english("Every hour")
EVERY_HOURS = english("Every %(count)s hours")
BETWEEN = english("%(pace)s from %(first)s to %(last)s")
IN_HOUR = english("In hour %(hours)s")
IN_HOURS = english("In hours %(hours)s")
AT_MINUTE = english("%(pace)s at minute %(minutes)s")
AT_MINUTES = english("%(pace)s at minutes %(minutes)s")
DAYS_AT = english("%(days)s at %(times)s")
PART_AND_PART = english("%(first)s, %(second)s")
EVERY_DAY = english("Every day")
DAY_OF_MONTH = english("On day %(days)s of the month")
DAYS_OF_MONTH = english("On days %(days)s of the month")
DAY_IF_THERE = english("On day %(days)s of the months that have it")
DAYS_IF_THERE = english("On days %(days)s of the months that have them")
LAST_DAY = english("On the last day of the month")
LAST_WORKDAY = english("On the last weekday (Monday to Friday) of the month")
EVERY_WEEKDAY = english("Every %(days)s")
WEEKDAY_RANGE = english("Every day from %(first)s to %(last)s")
RANGE = english("%(first)s to %(last)s")
LIST = english("%(first)s and %(last)s")
NTHS = (
    english("On the first %(day)s of the month"),
    english("On the second %(day)s of the month"),
    english("On the third %(day)s of the month"),
    english("On the fourth %(day)s of the month"),
    english("On the fifth %(day)s of the months that have it"),
)
LAST_NTH = english("On the last %(day)s of the month")
BOTH = english("%(first)s, but only when this also matches: %(second)s")
EITHER = english("%(first)s, and also %(second)s")
IN_MONTHS = english("in %(months)s")
WEEKDAYS = (
    *(english("Monday"), english("Tuesday"), english("Wednesday"), english("Thursday"), english("Friday")),
    *(english("Saturday"), english("Sunday")),
)
MONTHS = (
    *(english("January"), english("February"), english("March"), english("April"), english("May"), english("June")),
    *(english("July"), english("August"), english("September"), english("October"), english("November")),
    english("December"),
)


def in_english(text: str, /, **values: Any) -> str:
    """Fill in a text without a translation."""
    return text % values if values else text


def describe(rule: CronSim, translate: Translate = in_english) -> str:
    """Return the rule in words: "Monday to Friday at 09:00"."""
    return _RuleWords(rule, translate).sentence()


class _RuleWords:
    def __init__(self, rule: CronSim, translate: Translate) -> None:
        self._rule = rule
        self._say = translate

    def sentence(self) -> str:
        days, months = self._days(), self._months()
        if times := self._few_times():
            words = self._say(DAYS_AT, days=days or self._say(EVERY_DAY), times=self._list(times))
        else:
            words = self._pace()
            words = self._say(PART_AND_PART, first=words, second=_small(days)) if days else words
        return self._say(PART_AND_PART, first=words, second=months) if months else words

    def _few_times(self) -> list[str]:
        hours, minutes = sorted(self._rule.hours), sorted(self._rule.minutes)
        if len(hours) * len(minutes) > _MOST_TIMES:
            return []
        return [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]

    def _pace(self) -> str:
        hours, minutes = self._rule.hours, self._rule.minutes
        step = _step(minutes, 60)
        pace = self._say(EVERY_MINUTE) if step == 1 else self._say(EVERY_MINUTES, count=step) if step else ""
        if hours == _ALL_HOURS:
            return pace or self._at_minutes(self._say(EVERY_HOUR))
        if pace and len(hours) == max(hours) - min(hours) + 1:
            return self._say(BETWEEN, pace=pace, first=f"{min(hours):02}:00", last=f"{max(hours):02}:59")
        if every := _step(hours, 24):
            return self._at_minutes(self._say(EVERY_HOURS, count=every))
        return self._at_minutes(self._say(IN_HOUR if len(hours) == 1 else IN_HOURS, hours=self._numbers(hours)))

    def _at_minutes(self, pace: str) -> str:
        minutes = self._rule.minutes
        text = AT_MINUTE if len(minutes) == 1 else AT_MINUTES
        return self._say(text, pace=pace, minutes=self._numbers(minutes))

    def _days(self) -> str:
        """Return which days match; empty for all days."""
        day_of_month, weekday = self._days_of_month(), self._weekdays()
        if day_of_month and weekday:
            text = BOTH if self._rule.day_and else EITHER
            return self._say(text, first=day_of_month, second=_small(weekday))
        return (day_of_month or weekday) if self._rule.day_and else ""

    def _days_of_month(self) -> str:
        days = self._rule.days
        if days >= _ALL_DAYS:
            return ""
        special = [self._say(text) for value, text in _LAST_DAYS.items() if value in days]
        numbers = {day for day in days if day > 0}
        shortest = min(_SHORT_MONTHS.get(month, 31) for month in self._rule.months)
        single, several = (DAY_OF_MONTH, DAYS_OF_MONTH)
        if max(numbers, default=0) > shortest:
            single, several = (DAY_IF_THERE, DAYS_IF_THERE)
        text = single if len(numbers) == 1 else several
        plain = [self._say(text, days=self._numbers(numbers, digits=1))] if numbers else []
        return self._either(plain + special)

    def _weekdays(self) -> str:
        items = self._rule.weekdays
        plain = {(item - 1) % 7 for item in items if isinstance(item, int)}
        if len(plain) == len(WEEKDAYS):
            return ""
        nths = sorted(item for item in items if not isinstance(item, int))
        said = [self._nth(day, nth) for day, nth in nths]
        if plain:
            said.insert(0, self._plain_weekdays(sorted(plain)))
        return self._either(said)

    def _plain_weekdays(self, days: Sequence[int]) -> str:
        names = [self._say(WEEKDAYS[day]) for day in days]
        if len(days) > 2 and days[-1] - days[0] == len(days) - 1:  # noqa: PLR2004
            return self._say(WEEKDAY_RANGE, first=names[0], last=names[-1])
        return self._say(EVERY_WEEKDAY, days=self._list(names))

    def _nth(self, day: int, nth: int) -> str:
        text = LAST_NTH if nth == CronSim.LAST else NTHS[nth - 1]
        return self._say(text, day=self._say(WEEKDAYS[(day - 1) % 7]))

    def _either(self, said: Sequence[str]) -> str:
        words = said[0]
        for more in said[1:]:
            words = self._say(EITHER, first=words, second=_small(more))
        return words

    def _months(self) -> str:
        months = sorted(self._rule.months)
        if len(months) == len(MONTHS):
            return ""
        names = {month: self._say(MONTHS[month - 1]) for month in months}
        return self._say(IN_MONTHS, months=self._list(self._ranges(months, names.__getitem__)))

    def _numbers(self, numbers: Collection[int], digits: int = 2) -> str:
        return self._list(self._ranges(sorted(numbers), lambda number: f"{number:0{digits}}"))

    def _ranges(self, numbers: Sequence[int], name: Callable[[int], str]) -> list[str]:
        """Return the names of the numbers, with three or more in a row as a range."""
        starts = [numbers[0], *(later for earlier, later in pairwise(numbers) if later != earlier + 1)]
        ends = [*(earlier for earlier, later in pairwise(numbers) if later != earlier + 1), numbers[-1]]
        found: list[str] = []
        for first, last in zip(starts, ends, strict=True):
            if last - first > 1:
                found.append(self._say(RANGE, first=name(first), last=name(last)))
            else:
                found.extend(map(name, range(first, last + 1)))
        return found

    def _list(self, items: Sequence[str]) -> str:
        *first, last = items
        return self._say(LIST, first=", ".join(first), last=last) if first else last


_LAST_DAYS = {CronSim.LAST: LAST_DAY, CronSim.LAST_WEEKDAY: LAST_WORKDAY}


def _small(words: str) -> str:
    """Return the words as they stand inside of a sentence."""
    return words[:1].lower() + words[1:]


def _step(numbers: Collection[int], whole: int) -> int:
    """Return n if the numbers are every n-th one from 0, evenly also over the end; else 0."""
    step = whole // len(numbers)
    return step if len(numbers) > 1 and set(numbers) == set(range(0, whole, step)) and whole % step == 0 else 0
