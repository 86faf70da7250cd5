"""How names in code read to people."""

from collections.abc import Sequence

import humanize

_CAPITALS = frozenset(
    {"api", "csv", "html", "id", "ip", "json", "pdf", "sql", "tsv", "txt", "url", "utc", "xlsx", "xml", "zip"}
)


def humanised(name: str) -> str:
    """``full_text`` is Full text, ``csv`` is CSV; what has capitals is left as it is written."""
    words = [word.upper() if word in _CAPITALS else word for word in name.replace("_", " ").split()]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]


def one_of(parts: Sequence[str]) -> str:
    """Enumerate: ``.csv``, ``.xlsx`` and ``.tsv`` are ".csv, .xlsx or .tsv"."""
    return " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def size(count: int) -> str:
    """Say how many bytes: 205 kB, 2.1 GB."""
    return humanize.naturalsize(count).replace(".0 ", " ").replace("Byte", "byte")
