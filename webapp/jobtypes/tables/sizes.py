"""Sizes and counts for messages, in English; pages translate them."""

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size_in_words(size: int) -> str:
    """Return a number of bytes in the largest unit that keeps it above one."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:  # noqa: PLR2004 - would be written 1,000
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit > 2 or (unit and amount < 9.95) else f"{amount:.0f} {UNITS[unit]}"  # noqa: PLR2004


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
