"""How a text is marked for the catalogue where nobody knows who will read it."""


def english(text: str) -> str:
    """Mark a text for the catalogue."""
    return text
