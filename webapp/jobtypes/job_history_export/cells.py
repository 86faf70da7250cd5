"""What stands in the cells of a table; nothing in them is run by a spreadsheet."""

from collections.abc import Iterator, Sequence
from typing import Any

from webapp.jobtypes.job_history_export.lines import Line
from webapp.jobtypes.tables.spreadsheet import neutral


def cells_of(line: Line, columns: Sequence[str]) -> Iterator[str | float]:
    """Yield a line's cells: numbers as they are, text made harmless, nothing as an empty text."""
    for column in columns:
        yield _cell(line[column])


def _cell(value: Any) -> str | float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        value = "\n".join(str(note.get("text", "")) for note in value)
    text = neutral("" if value is None else str(value))
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be written
