"""The kinds of values and columns, and how a column gets its kind from its values."""

from collections import Counter
from enum import StrEnum

from webapp.jobtypes.dataset_report.dates import has_time, seconds_of
from webapp.jobtypes.dataset_report.numbers import is_whole, number_of

BOOLEANS = frozenset({"true", "false", "yes", "no", "t", "f", "y", "n"})
MOSTLY = 0.95


class Kind(StrEnum):
    """What a value is, and what a column holds."""

    EMPTY = "empty"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "date and time"
    TEXT = "text"


NUMERIC = (Kind.INTEGER, Kind.NUMBER)
DATED = (Kind.DATE, Kind.DATETIME)


def kind_of(value: str, *, day_first: bool) -> tuple[Kind, float]:
    """Return the kind of one value, with its number or its seconds since 1970."""
    if (number := number_of(value)) is not None:
        return (Kind.INTEGER if is_whole(value) else Kind.NUMBER), number
    if (seconds := seconds_of(value, day_first=day_first)) is not None:
        return (Kind.DATETIME if has_time(value) else Kind.DATE), seconds
    return (Kind.BOOLEAN if value.lower() in BOOLEANS else Kind.TEXT), 0.0


def kind_of_column(kinds: Counter[Kind]) -> tuple[Kind, int]:
    """Return the kind of most values, and how many do not fit it. A few strays do not make numbers text."""
    total = kinds.total()
    for family in (NUMERIC, DATED):
        fitting = sum(kinds[kind] for kind in family)
        if fitting and fitting >= MOSTLY * total:
            return (family[1] if kinds[family[1]] else family[0]), total - fitting
    if kinds[Kind.BOOLEAN] == total:
        return (Kind.BOOLEAN if total else Kind.EMPTY), 0
    return Kind.TEXT, 0
