"""Sizes and counts for messages, in English; pages translate them."""

import humanize


def size_in_words(size: int) -> str:
    """Return a number of bytes in the largest unit that keeps it above one: 205 kB, 2.1 GB."""
    return humanize.naturalsize(size).replace(".0 ", " ").replace("Byte", "byte")


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
