"""Formats times and durations in the viewer's language. The current time and the zone are passed in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, get_day_names

from webapp.time_zones import local_time
from webapp.views.text.number_format import locale, number
from webapp.views.text.translations import gettext as _

SPACE = "\N{NO-BREAK SPACE}"
MINUTE, HOUR, DAY = 60, 3600, 86400
_JUST_NOW = 45  # seconds
_SECONDS_MATTER = 10 * MINUTE
_SECONDS_GUESSED = 5  # estimates are rounded to this
_STEPS = (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds that people use with "within"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedTime:
    """A time as short text, as ISO 8601, and in full for a tooltip."""

    text: str
    iso: str
    title: str


def relative_time(at: datetime, now: datetime, zone: ZoneInfo) -> FormattedTime:
    """Return the time relative to ``now``: "2 min ago", "in 5 min", "yesterday, 09:00"."""
    relative = _past(now - at) if at <= now else _future(at - now)
    text = relative or _day_and_time(local_time(at, zone), local_time(now, zone))
    return _moment(text, at, zone)


def clock_time(at: datetime, now: datetime, zone: ZoneInfo) -> FormattedTime:
    """Return the time of day with seconds, or the date without seconds for another day."""
    local, today = local_time(at, zone), local_time(now, zone)
    if local.date() == today.date():
        return _moment(f"{local:%H:%M:%S}", at, zone)
    return _moment(f"{_skeleton('MMMd', local)}, {local:%H:%M}", at, zone)


def time_of_day(at: datetime, zone: ZoneInfo) -> FormattedTime:
    """Return the time of day with seconds, without a date."""
    return _moment(f"{local_time(at, zone):%H:%M:%S}", at, zone)


def short_date(at: datetime, now: datetime, zone: ZoneInfo) -> FormattedTime:
    """Return only the date: "today", "28 Nov"."""
    return _moment(_near_or_date(local_time(at, zone), local_time(now, zone)), at, zone)


def day_and_month(at: date) -> str:
    """Return a day of this year: "28 Nov"."""
    return _skeleton("MMMd", at)


def full_date(at: date) -> str:
    """Return the full date: "21 November 2026"."""
    written: str = format_date(at, "long", locale=locale())
    return written


def duration(period: timedelta) -> str:
    """Return a measured duration in its two largest units: "52 s", "4 min 10 s", "1 h 5 min"."""
    seconds = int(period.total_seconds())
    if seconds < 1:
        return _("less than %(period)s", period=_seconds(1))
    if seconds < _SECONDS_MATTER:
        return _units((seconds // MINUTE, _minutes), (seconds % MINUTE, _seconds))
    if seconds < DAY:
        return _units((seconds // HOUR, _hours), (seconds % HOUR // MINUTE, _minutes))
    return _units((seconds // DAY, _days), (seconds % DAY // HOUR, _hours))


def weekdays() -> tuple[tuple[str, str], ...]:
    """Return the days of the week, Monday first, each with its number in cron rules."""
    names = get_day_names("wide", locale=locale())
    return tuple((str((day + 1) % 7), names[day]) for day in range(7))


def rough_duration(period: timedelta) -> str:
    """Return an estimated duration, rounded: "less than 5 s", "10 s", "2 min", "3 h"."""
    seconds = period.total_seconds()
    if seconds < _SECONDS_GUESSED:
        return _("less than %(period)s", period=_seconds(_SECONDS_GUESSED))
    if seconds < MINUTE - _SECONDS_GUESSED:
        return _seconds(round(seconds / _SECONDS_GUESSED) * _SECONDS_GUESSED)
    if seconds < HOUR:
        return _minutes(max(1, round(seconds / MINUTE)))
    return _hours(round(seconds / HOUR))


def about_duration(period: timedelta) -> str:
    """Return an estimated duration with "about", unless it is "less than 5 s"."""
    words = rough_duration(period)
    return words if period.total_seconds() < _SECONDS_GUESSED else _("about %(period)s", period=words)


def round_up_duration(period: timedelta) -> str:
    """Return the next larger common duration: "10 s", "1 min", "5 min"."""
    seconds = period.total_seconds()
    return rough_duration(timedelta(seconds=next((step for step in _STEPS if seconds <= step), seconds + HOUR / 2)))


def _seconds(count: int) -> str:
    return _("%(count)s s", count=count).replace(" ", SPACE)


def _minutes(count: int) -> str:
    return _("%(count)s min", count=count).replace(" ", SPACE)


def _hours(count: int) -> str:
    return _("%(count)s h", count=number(count)).replace(" ", SPACE)


def _days(count: int) -> str:
    return _("%(count)s d", count=number(count)).replace(" ", SPACE)


def _units(*parts: tuple[int, object]) -> str:
    return " ".join(unit(count) for count, unit in parts if count and callable(unit))


def _past(age: timedelta) -> str:
    seconds = age.total_seconds()
    if seconds < _JUST_NOW:
        return _("just now")
    return _("%(period)s ago", period=_minutes(max(1, int(seconds // MINUTE)))) if seconds < HOUR else ""


def _future(wait: timedelta) -> str:
    return _("in %(period)s", period=rough_duration(wait)) if wait.total_seconds() < HOUR - MINUTE / 2 else ""


def _day_and_time(local: datetime, today: datetime) -> str:
    return f"{_near_or_date(local, today)}, {local:%H:%M}"


def _near_or_date(local: datetime, today: datetime) -> str:
    distance = (local.date() - today.date()).days
    if abs(distance) > 1:
        return _skeleton("MMMd" if local.year == today.year else "yMMMd", local)
    return {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}[distance]


def _skeleton(skeleton: str, at: date) -> str:
    written: str = format_skeleton(skeleton, at, locale=locale())
    return written


def _moment(text: str, at: datetime, zone: ZoneInfo) -> FormattedTime:
    local = local_time(at, zone)
    exact = f"{_full(local.date(), locale())}, {local:%H:%M:%S} ({zone.key})"
    return FormattedTime(text=text, iso=at.isoformat(timespec="seconds"), title=exact)


@lru_cache(1024)
def _full(at: date, where: Locale) -> str:
    """Format a full date; cached, because the jobs of a list share a few days."""
    written: str = format_date(at, "full", locale=where)
    return written
