"""A quote that is still open at the end of a CSV file: csv makes all that follows it one field, and says nothing."""

from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain


class EndMarker:
    """Stands behind the last line; csv goes past it only while a quote is open."""

    def __init__(self) -> None:
        self.passed = False

    def behind(self, lines: Iterable[str]) -> Iterator[str]:
        """Return the lines and one more, which is blank: no row, unless a quote is open."""
        return chain(lines, self._mark())

    def _mark(self) -> Iterator[str]:
        yield ""
        self.passed = True


def lines_from(cell: str) -> list[str]:
    """Return what stands in the file from the open quote on, line by line; ``cell`` is what csv made of it."""
    return list(StringIO('"' + cell.replace('"', '""'), newline=""))
