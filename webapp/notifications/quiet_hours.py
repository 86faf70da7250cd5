"""Quiet hours and times of day in a time zone. Pure."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY = timedelta(days=1)


def is_time_of_day(text: str) -> bool:
    """Return whether a text is a time such as 08:30."""
    return _CLOCK.fullmatch(text) is not None


def end_of_quiet_hours(at: datetime, begin: str, end: str, zone: str) -> datetime:
    """Return ``at``, or the end of the quiet hours that contain it; they can span midnight. Empty: no quiet hours."""
    if not begin or not end or begin == end:
        return at
    local = at.astimezone(ZoneInfo(zone or "UTC"))
    now, first, last = local.time(), time.fromisoformat(begin), time.fromisoformat(end)
    is_quiet = first <= now < last if first < last else now >= first or now < last
    if not is_quiet:
        return at
    day = local.date() if now < last else local.date() + _DAY
    return datetime.combine(day, last, local.tzinfo).astimezone(at.tzinfo)


def latest_moment(at: datetime, clock: str, zone: str) -> datetime:
    """Return the latest moment up to ``at`` at which the clocks of a zone show a time."""
    local = at.astimezone(ZoneInfo(zone or "UTC"))
    today = datetime.combine(local.date(), time.fromisoformat(clock), local.tzinfo)
    found = today if today <= local else datetime.combine(local.date() - _DAY, today.time(), local.tzinfo)
    return found.astimezone(at.tzinfo)


def start_of_day(at: datetime, zone: str) -> datetime:
    """Return the midnight in a zone before a moment."""
    local = at.astimezone(ZoneInfo(zone or "UTC"))
    return datetime.combine(local.date(), time(), local.tzinfo).astimezone(at.tzinfo)
