"""The reader's locale, and numbers in it. Outside of a request it is English."""

from babel import Locale
from babel.numbers import format_decimal
from flask_babel import get_locale

_DATES = {"en": "en_GB"}  # days before months, and hours from 0 to 24


def locale() -> Locale:
    """Return the locale in which dates and numbers are written."""
    chosen = str(get_locale() or "en")
    return Locale.parse(_DATES.get(chosen, chosen))


def number(value: float) -> str:
    """Write a whole number: "1,000"."""
    written: str = format_decimal(round(value), locale=locale())
    return written
