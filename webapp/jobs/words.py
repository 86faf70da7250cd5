"""Lists and sizes in words, for sentences that people read."""

from collections.abc import Sequence

import humanize


def one_of(parts: Sequence[str]) -> str:
    """Enumerate: ``.csv``, ``.xlsx`` and ``.tsv`` are ".csv, .xlsx or .tsv"."""
    return " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def size(count: int) -> str:
    """Say how many bytes: 205 kB, 2.1 GB."""
    return humanize.naturalsize(count).replace(".0 ", " ").replace("Byte", "byte")
