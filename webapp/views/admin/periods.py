"""Moments and days as the addresses and forms of these pages write them. Pure; what makes no sense is left out."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def moment_of(text: str) -> datetime | None:
    """Read a moment of an address, with its zone; UTC if it names none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+")) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def first_of(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the beginning of a day, as a form writes days, in somebody's zone."""
    found = _day(day)
    return datetime.combine(found, time(), zone) if found and found > date.min else None


def end_of(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the beginning of the day after."""
    found = _day(day)
    return datetime.combine(found + timedelta(days=1), time(), zone) if found and found < date.max else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
