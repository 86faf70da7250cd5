"""Formats numbers and sizes in the viewer's locale. Outside of a request the locale is English."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import cache

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_decimal

from webapp.views.text.translations import language, ngettext

_KB = 1000
_UNITS = ("kB", "MB", "GB", "TB", "PB")
_DATES = {"en": "en_GB"}  # day before month, 24-hour clock


def locale() -> Locale:
    """Return the locale for dates and numbers."""
    return _parsed(language() or "en")


@cache
def _parsed(chosen: str) -> Locale:
    return Locale.parse(_DATES.get(chosen, chosen))


def number(value: float) -> str:
    """Format a whole number: "1,000"."""
    return _written(round(value))


def decimal(value: float, places: int = 1) -> str:
    """Format a number with a fixed number of decimal places: "0.3"."""
    return _written(value, "#,##0." + "0" * places)


def exact_number(value: float) -> str:
    """Format a number with all its decimal places: "1,000", "0.25"."""
    return _written(value, rounds=False)


def size(count: int) -> str:
    """Format a size in bytes: "205 kB", "2.1 GB"."""
    if count < _KB:
        return str(ngettext("%(num)s byte", "%(num)s bytes", count))
    value, unit = count / _KB, 0
    while round(value, 1) >= _KB and unit + 1 < len(_UNITS):
        value, unit = value / _KB, unit + 1
    return f"{_written(round(value, 1), '#,##0.#')} {_UNITS[unit]}"


def _written(value: float, pattern: str | None = None, *, rounds: bool = True) -> str:
    try:
        written: str = format_decimal(value, pattern, locale=locale(), decimal_quantization=rounds)
    except InvalidOperation:  # it has more digits than decimal numbers have
        return f"{Decimal(value):.3g}"
    return written


def join_with_or(parts: Sequence[str]) -> str:
    """Join with "or": ".csv, .xlsx or .tsv"."""
    written: str = format_list(parts, "or", locale=locale())
    return written
