"""How names in code read to people."""

_CAPITALS = frozenset(
    {"api", "csv", "html", "id", "ip", "json", "pdf", "sql", "tsv", "txt", "url", "utc", "xlsx", "xml", "zip"}
)


def humanised(name: str) -> str:
    """``full_text`` is Full text, ``csv`` is CSV; what has capitals is left as it is written."""
    words = [word.upper() if word in _CAPITALS else word for word in name.replace("_", " ").split()]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]
