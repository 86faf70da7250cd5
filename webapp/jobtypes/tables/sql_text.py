"""Pieces of SQL that are written in one process and completed in another."""

CELL = "{x}"  # in an expression, the place of the cell


def quoted(text: str) -> str:
    """Return the text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
