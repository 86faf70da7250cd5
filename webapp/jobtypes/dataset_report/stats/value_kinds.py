"""Detect the type of values and columns.

Numbers are what people write, not everything that `float` accepts; codes such as 00501 are text. Dates have the
year first in any common form, or a year of four digits last.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import repeat
from math import isfinite
from operator import sub

BOOLEANS = frozenset({"true", "false", "yes", "no", "t", "f", "y", "n"})
MOSTLY = 0.95


class ValueKind(StrEnum):
    """What a value is, and what a column holds."""

    EMPTY = "empty"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "date and time"
    TEXT = "text"


NUMERIC = (ValueKind.INTEGER, ValueKind.NUMBER)
DATED = (ValueKind.DATE, ValueKind.DATETIME)


def kind_of(value: str, *, day_first: bool) -> tuple[ValueKind, float]:
    """Return the kind of one value, with its number or its seconds since 1970."""
    if (number := number_of(value)) is not None:
        return (ValueKind.INTEGER if is_whole(value) else ValueKind.NUMBER), number
    if (seconds := seconds_of(value, day_first=day_first)) is not None:
        return (ValueKind.DATETIME if has_time(value) else ValueKind.DATE), seconds
    return (ValueKind.BOOLEAN if value.lower() in BOOLEANS else ValueKind.TEXT), 0.0


def kind_of_column(kinds: Counter[ValueKind]) -> tuple[ValueKind, int]:
    """Return the kind of most values, and how many do not fit it. A few strays do not make numbers text."""
    total = kinds.total()
    for family in (NUMERIC, DATED):
        fitting = sum(kinds[kind] for kind in family)
        if fitting and fitting >= MOSTLY * total:
            return (family[1] if kinds[family[1]] else family[0]), total - fitting
    if kinds[ValueKind.BOOLEAN] == total:
        return (ValueKind.BOOLEAN if total else ValueKind.EMPTY), 0
    return ValueKind.TEXT, 0


NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
LEADING_ZERO = re.compile(r"\n[+-]?0[0-9]")
MOST_EXACT = 2**53  # a longer row of digits is a code (card, account), and a float would change it


def number_of(value: str) -> float | None:
    """Return the text as a number; None if it is not one."""
    if not NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if isfinite(number) and not (is_whole(value) and abs(number) >= MOST_EXACT) else None


def numbers_of(values: Sequence[str], joined: str) -> list[float] | None:
    """Return the numbers if all values are numbers, else None; ``joined`` is all of them, one per line.

    The same rule as `number_of`, at the speed of built-in functions.
    """
    if not joined.isascii() or "_" in joined or LEADING_ZERO.search("\n" + joined):
        return None
    try:
        numbers = list(map(float, values))
    except ValueError:
        return None
    return numbers if _all_plain(numbers, joined) else None


def is_whole(text: str) -> bool:
    """Whether numbers are written without a fraction, as in 12 and unlike 12.0 or 1e3."""
    return "." not in text and "e" not in text and "E" not in text


def _all_plain(numbers: Sequence[float], joined: str) -> bool:
    low, high = min(numbers), max(numbers)
    if not isfinite(sum(numbers)) or "n" in joined or "N" in joined:
        return False
    return (low > -MOST_EXACT and high < MOST_EXACT) or not is_whole_somewhere(joined)


def is_whole_somewhere(joined: str) -> bool:
    """Whether any line may be a whole number; only called where large numbers occur."""
    return any(is_whole(line) for line in joined.split("\n"))


TIME = r"(?:[T ](?P<time>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + TIME, re.ASCII)
YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})" + TIME, re.ASCII)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - for times without a zone
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
FIRST = (datetime(1, 1, 1) - EPOCH).total_seconds()  # noqa: DTZ001
LAST = (datetime(9999, 12, 31, 23, 59, 59) - EPOCH).total_seconds()  # noqa: DTZ001
MONTHS = 12


def seconds_of(value: str, *, day_first: bool) -> float | None:
    """Return the seconds since 1970 if the text is a date, else None. A time without a zone counts as UTC."""
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
    """Return the seconds since 1970 if all values are ISO dates in one form, else None; fast."""
    if not YEAR_FIRST.fullmatch(values[0]):
        return None
    try:
        moments = list(map(datetime.fromisoformat, values))
        epoch = EPOCH_UTC if moments[0].tzinfo else EPOCH
        return list(map(timedelta.total_seconds, map(sub, moments, repeat(epoch))))
    except (ValueError, TypeError, OverflowError):
        return None


def reads_day_first(values: Iterable[str]) -> bool:
    """Whether dates like 3/4/2025 begin with the day; one first number above 12 proves it."""
    return any((match := YEAR_LAST.fullmatch(value)) and int(match["one"]) > MONTHS for value in values)


def has_time(value: str) -> bool:
    """Whether a text that is a date also has a time of day."""
    return ":" in value


def moment_at(seconds: float) -> datetime:
    """Return the datetime of a number from `seconds_of`; its zone can put it just outside of the range of datetime."""
    return EPOCH_UTC + timedelta(seconds=max(FIRST, min(seconds, LAST)))


def _parts(value: str, *, day_first: bool) -> tuple[str, str, str, re.Match[str]] | None:
    if match := YEAR_FIRST.fullmatch(value):
        return match["year"], match["month"], match["day"], match
    if match := YEAR_LAST.fullmatch(value):
        one, two = match["one"], match["two"]
        day_first = day_first or match["mark"] == "."
        return (match["year"], two, one, match) if day_first else (match["year"], one, two, match)
    return None
