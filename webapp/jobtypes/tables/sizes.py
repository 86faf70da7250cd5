"""Sizes, counts and lists for messages, in English; pages translate them."""

from collections.abc import Sequence

import humanize

MOST_LISTED = 50


def size_in_words(size: int) -> str:
    """Return a number of bytes in the largest unit that keeps it above one: 205 kB, 2.1 GB."""
    return humanize.naturalsize(size).replace(".0 ", " ").replace("Byte", "byte")


def listed(names: Sequence[str]) -> str:
    """Return the names, without the last ones if there are very many."""
    return ", ".join([*names[:MOST_LISTED], *(["…"] if len(names) > MOST_LISTED else [])])


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
