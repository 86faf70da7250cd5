"""Cron rules: five fields in a time zone, and the times that they match. Pure.

Daylight saving time is handled as in Debian's cron: a time of day that is skipped fires right after the gap, and one
that occurs twice fires once. Rules that repeat by the hour or minute keep their interval.
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
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
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
        if zone not in time_zones():
            raise UnknownTimeZone(zone)
        rule = cls(" ".join(fields), zone)
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

    def describe(self) -> str:
        """Return the rule in English: "At 02:30 on Monday through Friday"."""
        return CronSim(self.text, _ANY_TIME).explain()

    def _from(self, moment: datetime) -> Iterator[datetime]:
        try:
            local = moment.astimezone(ZoneInfo(self.zone))
        except ZoneInfoNotFoundError:  # removed from the tz database since the rule was parsed
            raise UnknownTimeZone(self.zone) from None
        for found in CronSim(self.text, local):
            at = found.astimezone(UTC)
            if at > moment:  # in the hour that occurs twice, cronsim can start with the first one, which is over
                yield at


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


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
        CronSim(" ".join(alone), _ANY_TIME)
    except (CronSimError, AssertionError):  # 1#2/3 fails an assertion
        message = (
            f"{field[:20]!r} is not a valid {FIELDS[number]}. Use a number from {_BOUNDS[number]}, "
            "a range such as 1-5, a list such as 1,3, or a step such as */2."
        )
        raise InvalidCronRule(message) from None


def _ever_fires(rule: CronRule) -> bool:
    try:
        return rule.after(_ANY_TIME) is not None
    except CronSimError:
        return False
