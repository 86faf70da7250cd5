"""Cron rules: five fields in a time zone, and the times that they match. Pure.

Daylight saving time is handled as in Debian's cron: a time of day that is skipped fires right after the gap, and one
that occurs twice fires once. Rules that repeat by the hour or minute keep their interval.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from webapp.jobs.schedules.rule_words import Translate, describe, in_english
from webapp.time_zones import find_time_zone

RULE_LIMIT = 100  # characters
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_CALENDAR = timedelta(days=28 * 365 + 7)  # after which days of the week and leap years repeat
_DAY_NUMBERS = {"7": 7} | {name: number for number in range(7) for name in (str(number), _DAY_NAMES[number])}
_MONTH_NUMBERS = {name: number for number in range(1, 13) for name in (str(number), _MONTH_NAMES[number - 1])}
_BOUNDS = ("0 to 59", "0 to 23", "1 to 31, or L for the last", "1 to 12, or JAN to DEC", "0 to 7, or SUN to SAT")


class InvalidCronRule(ValueError):
    """Raised when a rule does not parse or never fires; the message says what is wrong."""


class UnknownTimeZone(ValueError):
    """Raised when a time zone is not in the tz database."""

    def __init__(self, zone: str) -> None:
        """Name the zone, and give an example."""
        super().__init__(f"Unknown time zone {zone[:64]!r}. Example: Europe/Madrid.")


@dataclass(frozen=True, slots=True)
class CronRule:
    """A cron rule: ``text`` has five fields, ``zone`` is the name of a time zone. `parse` returns only valid rules."""

    text: str
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Self:
        """Return the rule with normalized spaces; raise `InvalidCronRule` or `UnknownTimeZone`."""
        fields = _fields(text)
        for number, field in enumerate(fields):
            _check_field(number, field)
        known = find_time_zone(zone)
        if known is None:
            raise UnknownTimeZone(zone)
        rule = cls(" ".join(fields), known)
        if not _ever_fires(rule):
            raise InvalidCronRule(f"{rule.text!r} never runs: none of its months has that day.")
        return rule

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment, or ``None`` if there is none within 50 years."""
        return next(self._from(moment), None)

    def next(self, moment: datetime, count: int) -> tuple[datetime, ...]:
        """Return the next ``count`` times after a moment, in order."""
        return tuple(found for found, _ in zip(self._from(moment), range(count), strict=False))

    def between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the times after ``since``, up to and including ``until``."""
        for moment in self._from(since):
            if moment > until:
                return
            yield moment

    def latest(self, since: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
        """Return the last ``limit`` times of `between`, in order, without computing years of earlier times."""
        window = timedelta(minutes=limit)
        while True:
            start = max(since, until - window)
            found = tuple(self.between(start, until))
            if start == since or len(found) >= limit:
                return found[-limit:]
            window *= 4

    def shortest_interval(self) -> timedelta:
        """Return the shortest time between two runs, on a clock that is never put back or forward."""
        found = _simulation(self.text, _ANY_TIME)
        minutes = sorted(hour * 60 + minute for hour in found.hours for minute in found.minutes)
        gaps = [later - earlier for earlier, later in pairwise(minutes)]
        over_night = self._shortest_days() * 24 * 60 + minutes[0] - minutes[-1]
        return timedelta(minutes=min([*gaps, over_night]))

    def describe(self, translate: Translate = in_english) -> str:
        """Return the rule in words: "Every day from Monday to Friday at 02:30"."""
        return describe(_simulation(self.text, _ANY_TIME), translate)

    def _shortest_days(self) -> int:
        """Return the fewest days from one day with runs to the next."""
        *_, day, month, weekday = self.text.split()
        fewest = _CALENDAR.days
        for earlier, later in pairwise(_simulation(f"0 0 {day} {month} {weekday}", _ANY_TIME)):
            fewest = min(fewest, (later - earlier).days)
            if fewest == 1 or later > _ANY_TIME + _CALENDAR:
                break
        return fewest

    def _from(self, moment: datetime) -> Iterator[datetime]:
        try:
            local = moment.astimezone(ZoneInfo(self.zone))
        except ZoneInfoNotFoundError:  # removed from the tz database since the rule was parsed
            raise UnknownTimeZone(self.zone) from None
        for found in _simulation(self.text, local):
            at = found.astimezone(UTC)
            if at > moment:  # in the hour that occurs twice, cronsim can start with the first one, which is over
                yield at


def _fields(text: str) -> list[str]:
    if len(text) > RULE_LIMIT:
        raise InvalidCronRule(f"A rule can have at most {RULE_LIMIT} characters, not {len(text):,}.")
    fields = text.split()
    if len(fields) != len(FIELDS):
        listed = ", ".join(FIELDS)
        raise InvalidCronRule(
            f"A rule needs five fields ({listed}), for example 0 2 * * *; this one has {len(fields)}."
        )
    return fields


def _check_field(number: int, field: str) -> None:
    """Parse one field with all others ``*``, so that the error can name the field."""
    alone = ["*"] * len(FIELDS)
    alone[number] = field
    try:
        _simulation(" ".join(alone), _ANY_TIME)
    except (CronSimError, AssertionError):  # 1#2/3 fails an assertion
        message = (
            f"{field[:20]!r} is not a valid {FIELDS[number]}. Use a number from {_BOUNDS[number]}, "
            "a range such as 1-5, a list such as 1,3, or a step such as */2."
        )
        raise InvalidCronRule(message) from None


def _simulation(text: str, start: datetime) -> CronSim:
    """Return cronsim's iterator; ranges of weekdays and months can go over the end, as in FRI-SUN and NOV-FEB."""
    *others, month, weekday = text.upper().split()
    month, weekday = _unwrapped(month, _MONTH_NUMBERS, 12), _unwrapped(weekday, _DAY_NUMBERS, 7)
    return CronSim(" ".join([*others, month, weekday]), start)


def _unwrapped(field: str, numbers: Mapping[str, int], last: int) -> str:
    return ",".join(_unwrapped_range(item, numbers, last) for item in field.split(","))


def _unwrapped_range(item: str, numbers: Mapping[str, int], last: int) -> str:
    """Return a range over the end as one or two ranges that cronsim accepts: FRI-SUN is 5-7, FRI-MON is 5-7,1-1."""
    names, slash, step = item.partition("/")
    first_name, _, last_name = names.partition("-")
    if not {first_name, last_name} <= numbers.keys():
        return item
    start, end = numbers[first_name], numbers[last_name]
    if start <= end or (slash and end > 0):
        return item
    return f"{start}-{last}{slash}{step}" if end == 0 else f"{start}-{last},1-{end}"


def _ever_fires(rule: CronRule) -> bool:
    try:
        return rule.after(_ANY_TIME) is not None
    except CronSimError:
        return False
