"""Rules: five fields of cron in a time zone, and the moments that they name. Pure.

Times of day are those of Debian's cron on both nights of daylight saving: a time that is skipped comes
right after the gap, one that occurs twice comes once; what repeats by the hour or minute keeps its pace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

RULE_LIMIT = 100  # characters
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_BOUNDS = ("0 to 59", "0 to 23", "1 to 31, or L for the last", "1 to 12, or JAN to DEC", "0 to 7, or SUN to SAT")


class InvalidCronRule(ValueError):
    """A rule has five fields of cron and names moments that come; the message says what is wrong."""


class UnknownTimeZone(ValueError):
    """A zone is one of the tz database."""

    def __init__(self, zone: str) -> None:
        """Name it, and give an example."""
        super().__init__(f"There is no time zone {zone[:64]!r}; an example is Europe/Madrid.")


@dataclass(frozen=True, slots=True)
class CronRule:
    """When: ``text`` has five fields, ``zone`` is the name of a time zone. Made by `of`, it is known to be good."""

    text: str
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Self:
        """Return the rule, its spaces tidied; else raise `InvalidCronRule` or `UnknownTimeZone`."""
        fields = _fields(text)
        for number, field in enumerate(fields):
            _check(number, field)
        if zone not in time_zones():
            raise UnknownTimeZone(zone)
        rule = cls(" ".join(fields), zone)
        if not _is_possible(rule):
            raise InvalidCronRule(f"{rule.text!r} never comes: no month that it names has that day.")
        return rule

    def after(self, moment: datetime) -> datetime | None:
        """Return the first of its moments later than this one; None where none comes within 50 years."""
        return next(self._from(moment), None)

    def next(self, moment: datetime, count: int) -> tuple[datetime, ...]:
        """Return the next ``count`` of its moments, in order."""
        return tuple(found for found, _ in zip(self._from(moment), range(count), strict=False))

    def between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Go through its moments later than ``since`` up to ``until``, which counts too."""
        for moment in self._from(since):
            if moment > until:
                return
            yield moment

    def latest(self, since: datetime, until: datetime, most: int) -> tuple[datetime, ...]:
        """Return the last ``most`` of the moments `between`, in order, without a walk through years of them."""
        reach = timedelta(minutes=most)
        while True:
            start = max(since, until - reach)
            found = tuple(self.between(start, until))
            if start == since or len(found) >= most:
                return found[-most:]
            reach *= 4

    def describe(self) -> str:
        """Say it in English: "At 02:30 on Monday through Friday"."""
        return CronSim(self.text, _ANY_MOMENT).explain()

    def _from(self, moment: datetime) -> Iterator[datetime]:
        try:
            local = moment.astimezone(ZoneInfo(self.zone))
        except ZoneInfoNotFoundError:  # it was there when the rule was made
            raise UnknownTimeZone(self.zone) from None
        for found in CronSim(self.text, local):
            at = found.astimezone(UTC)
            if at > moment:  # in the hour that comes twice cronsim may begin with the first one, which is over
                yield at


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


def _fields(text: str) -> list[str]:
    if len(text) > RULE_LIMIT:
        raise InvalidCronRule(f"A rule has at most {RULE_LIMIT} characters, not {len(text):,}.")
    fields = text.split()
    if len(fields) != len(FIELDS):
        listed = ", ".join(FIELDS)
        raise InvalidCronRule(f"A rule has five fields ({listed}), such as 0 2 * * *; this one has {len(fields)}.")
    return fields


def _check(number: int, field: str) -> None:
    """Let cronsim read one field alone, so that it is known which one is wrong."""
    alone = ["*"] * len(FIELDS)
    alone[number] = field
    try:
        CronSim(" ".join(alone), _ANY_MOMENT)
    except (CronSimError, AssertionError):  # 1#2/3 fails an assertion
        message = (
            f"{field[:20]!r} is no {FIELDS[number]}: it is a number from {_BOUNDS[number]}, "
            "a range such as 1-5, a list such as 1,3, or a step such as */2."
        )
        raise InvalidCronRule(message) from None


def _is_possible(rule: CronRule) -> bool:
    try:
        return rule.after(_ANY_MOMENT) is not None
    except CronSimError:
        return False
