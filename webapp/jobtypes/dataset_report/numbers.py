"""What counts as a number: what people write, not all that `float` takes; codes like 00501 are text."""

import re
from collections.abc import Sequence
from math import isfinite

NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
LEADING_ZERO = re.compile(r"\n[+-]?0[0-9]")
MOST_EXACT = 2**53  # a longer row of digits is a code (card, account), and a float would change it


def number_of(value: str) -> float | None:
    """Return the number that the text is, else None."""
    if not NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if isfinite(number) and not (is_whole(value) and abs(number) >= MOST_EXACT) else None


def numbers_of(values: Sequence[str], joined: str) -> list[float] | None:
    """Return the numbers when all values are some, else None; ``joined`` is all of them, one per line.

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
    """Whether any line may be a whole number; only asked where large numbers occur."""
    return any(is_whole(line) for line in joined.split("\n"))
