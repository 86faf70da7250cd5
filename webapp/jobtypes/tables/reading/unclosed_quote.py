"""Detect a quote that is not closed at the end of a CSV file; the csv module reads the rest as one field."""

from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain


class EndMarker:
    """A blank line after the last one; the reader consumes it as data only if a quote is open."""

    def __init__(self) -> None:
        self.passed = False

    def behind(self, lines: Iterable[str]) -> Iterator[str]:
        """Return the lines and a blank one, which is not a row unless a quote is open."""
        return chain(lines, self._mark())

    def _mark(self) -> Iterator[str]:
        yield ""
        self.passed = True


def lines_from(cell: str) -> list[str]:
    """Return the lines of the file from the open quote on; ``cell`` is the field that csv made of them."""
    return list(StringIO('"' + cell.replace('"', '""'), newline=""))
