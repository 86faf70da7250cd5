"""Readable names for what an author has given no title: fields, choices and job types. Pure."""

_CAPITALS = frozenset(
    {"api", "csv", "html", "id", "ip", "json", "pdf", "sql", "tsv", "txt", "url", "utc", "xlsx", "xml", "zip"}
)


def humanize(name: str) -> str:
    """Return a readable name: ``full_text`` is Full text, ``csv`` is CSV; existing capitals are kept."""
    words = [word.upper() if word in _CAPITALS else word for word in name.replace("_", " ").split()]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]
