"""What counts as a date: year first in any common form, or the year last with four digits."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import sub

TIME = r"(?:[T ](?P<time>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + TIME, re.ASCII)
YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})" + TIME, re.ASCII)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - for times without a zone
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
FIRST = (datetime(1, 1, 1) - EPOCH).total_seconds()  # noqa: DTZ001
LAST = (datetime(9999, 12, 31, 23, 59, 59) - EPOCH).total_seconds()  # noqa: DTZ001
MONTHS = 12


def seconds_of(value: str, *, day_first: bool) -> float | None:
    """Return the seconds since 1970 when the text is a date, else None. A time without a zone counts as UTC."""
    parts = _parts(value, day_first=day_first)
    if parts is None:
        return None
    year, month, day, match = parts
    clock, zone = match["time"] or "0:00", match["zone"] or ""
    try:
        moment = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{clock.replace(',', '.'):0>5}{zone}")
        return (moment - (EPOCH_UTC if zone else EPOCH)).total_seconds()
    except (ValueError, OverflowError):
        return None


def all_seconds_of(values: Sequence[str]) -> list[float] | None:
    """Return the seconds since 1970 when all values are ISO dates in one form, else None; fast."""
    if not YEAR_FIRST.fullmatch(values[0]):
        return None
    try:
        moments = list(map(datetime.fromisoformat, values))
        epoch = EPOCH_UTC if moments[0].tzinfo else EPOCH
        return list(map(timedelta.total_seconds, map(sub, moments, repeat(epoch))))
    except (ValueError, TypeError, OverflowError):
        return None


def reads_day_first(values: Iterable[str]) -> bool:
    """Whether dates like 3/4/2025 begin with the day, which a single 13 or more in front proves."""
    return any((match := YEAR_LAST.fullmatch(value)) and int(match["one"]) > MONTHS for value in values)


def has_time(value: str) -> bool:
    """Whether a text that is a date also names the hour."""
    return ":" in value


def moment_at(seconds: float) -> datetime:
    """Return the moment of a number that came from here; a zone can put it just outside of what datetime holds."""
    return EPOCH_UTC + timedelta(seconds=max(FIRST, min(seconds, LAST)))


def _parts(value: str, *, day_first: bool) -> tuple[str, str, str, re.Match[str]] | None:
    if match := YEAR_FIRST.fullmatch(value):
        return match["year"], match["month"], match["day"], match
    if match := YEAR_LAST.fullmatch(value):
        one, two = match["one"], match["two"]
        day_first = day_first or match["mark"] == "."
        return (match["year"], two, one, match) if day_first else (match["year"], one, two, match)
    return None
