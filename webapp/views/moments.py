"""Moments and periods in words. Pure: what time it is, and where, is passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SPACE = "\N{NO-BREAK SPACE}"
MINUTE, HOUR, DAY = 60, 3600, 86400
_JUST_NOW = 45  # seconds
_SECONDS_MATTER = 10 * MINUTE
_SECONDS_GUESSED = 5  # a guess is rounded to so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as people read it, and exactly: for machines, and in the reader's zone."""

    text: str
    iso: str
    title: str


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> Moment:
    """Say when ``at`` was or will be, seen from ``now``."""
    relative = _past(now - at) if at <= now else _future(at - now)
    text = relative or _day_and_time(at.astimezone(zone), now.astimezone(zone))
    return _moment(text, at, zone)


def clock(at: datetime, now: datetime, zone: ZoneInfo) -> Moment:
    """Say the time of day to the second; of another day the date, and no seconds."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    other_day = f"{local.day}{SPACE}{local:%b}, {local:%H:%M}"
    return _moment(f"{local:%H:%M:%S}" if local.date() == today.date() else other_day, at, zone)


def time_of_day(at: datetime, zone: ZoneInfo) -> Moment:
    """Say the time of day to the second, whichever day it was."""
    return _moment(f"{at.astimezone(zone):%H:%M:%S}", at, zone)


def day(at: datetime, now: datetime, zone: ZoneInfo) -> Moment:
    """Say only the date."""
    return _moment(_date(at.astimezone(zone), now.astimezone(zone)), at, zone)


def span(period: timedelta) -> str:
    """Say a measured period in its two largest units: "52 s", "4 min 10 s", "1 h 5 min"."""
    seconds = int(period.total_seconds())
    if seconds < 1:
        return f"less than{SPACE}1{SPACE}s"
    if seconds < _SECONDS_MATTER:
        return _units((seconds // MINUTE, "min"), (seconds % MINUTE, "s"))
    if seconds < DAY:
        return _units((seconds // HOUR, "h"), (seconds % HOUR // MINUTE, "min"))
    return _units((seconds // DAY, "d"), (seconds % DAY // HOUR, "h"))


def rough(period: timedelta) -> str:
    """Say a guessed period, no more exact than the guess: "less than 5 s", "10 s", "2 min", "3 h"."""
    seconds = period.total_seconds()
    if seconds < _SECONDS_GUESSED:
        return f"less than{SPACE}{_SECONDS_GUESSED}{SPACE}s"
    if seconds < MINUTE - _SECONDS_GUESSED:
        return f"{round(seconds / _SECONDS_GUESSED) * _SECONDS_GUESSED}{SPACE}s"
    if seconds < HOUR:
        return f"{max(1, round(seconds / MINUTE))}{SPACE}min"
    return f"{round(seconds / HOUR)}{SPACE}h"


def about(period: timedelta) -> str:
    """Say a guessed period as a guess: "about 10 s"; what is "less than 5 s" is one already."""
    words = rough(period)
    return words if words.startswith("less") else f"about {words}"


def _units(*parts: tuple[int, str]) -> str:
    return " ".join(f"{count}{SPACE}{unit}" for count, unit in parts if count)


def _past(age: timedelta) -> str:
    seconds = age.total_seconds()
    if seconds < _JUST_NOW:
        return "just now"
    return f"{max(1, int(seconds // MINUTE))}{SPACE}min ago" if seconds < HOUR else ""


def _future(wait: timedelta) -> str:
    return f"in {rough(wait)}" if wait.total_seconds() < HOUR - MINUTE / 2 else ""


def _day_and_time(local: datetime, today: datetime) -> str:
    return f"{_date(local, today)}, {local:%H:%M}"


def _date(local: datetime, today: datetime) -> str:
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((local.date() - today.date()).days)
    year = "" if local.year == today.year else f" {local.year}"
    return near or f"{local.day} {local:%b}{year}"


def _moment(text: str, at: datetime, zone: ZoneInfo) -> Moment:
    local = at.astimezone(zone)
    exact = f"{local:%A}, {local.day} {local:%B %Y, %H:%M:%S} ({zone.key})"
    return Moment(text=text, iso=at.isoformat(timespec="seconds"), title=exact)
