"""Read the rows of a CSV file of users: any usual encoding and delimiter, columns in any order.

No message repeats a cell: in a file without a header or with an extra delimiter, any cell can be a password.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice
from typing import BinaryIO, Protocol, TextIO

from webapp.jobs import JobError
from webapp.jobtypes.tables.delimiter import declared_delimiter, delimiter_of
from webapp.jobtypes.tables.encoding import encoding_of
from webapp.jobtypes.tables.unclosed_quote import EndMarker, lines_from

COLUMNS = ("name", "full_name", "email", "role", "password")
MOST_BYTES = 20_000_000
MOST_ROWS = 50_000
_LINES_TO_GUESS_FROM = 20


class Source(Protocol):
    """A file that can be opened several times."""

    size: int

    def open(self) -> BinaryIO:
        """Open the file at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """The cells of a row by column, stripped except for the password.

    ``line`` is the line on which the row begins; ``misplaced`` is true if there are more cells than columns.
    """

    line: int
    cells: Mapping[str, str] = field(repr=False)
    misplaced: bool = False


class UserTable:
    """The rows of a file; raises `JobError` if the file cannot be read."""

    def __init__(self, source: Source) -> None:
        if source.size > MOST_BYTES:
            raise JobError(f"The file has more than {MOST_BYTES // 1_000_000} MB. Split it into several files.")
        self._source = source
        with source.open() as file:
            self._encoding = encoding_of(file)

    def count(self) -> int:
        """Return the number of rows; raise `JobError` for none or too many."""
        count = sum(1 for _ in islice(self.rows(), MOST_ROWS + 1))
        if count == 0:
            raise JobError("The file has a header but no rows.")
        if count > MOST_ROWS:
            raise JobError(f"The file has more than {MOST_ROWS:,} rows. Split it into several files.")
        return count

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows in order, without blank ones."""
        with self._text() as text:
            numbered = _cells(text)
            _, header = next(numbered, (0, []))
            columns = _columns(header)
            for line, cells in numbered:
                yield _row(line, cells, columns)

    def unused(self) -> tuple[str, ...]:
        """Return the names of the columns that are ignored."""
        with self._text() as text:
            _, header = next(_cells(text), (0, []))
        return tuple(cell for cell, column in zip(header, _columns(header), strict=True) if column not in COLUMNS)

    def _text(self) -> TextIO:
        return TextIOWrapper(self._source.open(), self._encoding, errors="replace", newline="")


def _cells(text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with the line on which it begins."""
    first = list(islice(text, _LINES_TO_GUESS_FROM))
    skipped = int(bool(first and declared_delimiter(first[0])))
    end = EndMarker()
    reader = csv.reader(end.behind(chain(first[skipped:], text)), delimiter=delimiter_of(first))
    line = skipped + 1
    try:
        for cells in reader:
            if end.passed:
                opened = skipped + reader.line_num - len(lines_from(cells[-1]))
                raise JobError(f"The quote opened on line {opened} is never closed.")
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise JobError(f"Line {line} cannot be read: {error}. A quote before this line may not be closed.") from None


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(map(_column, header))
    if "name" not in columns:
        raise JobError("The first row must contain the column names, including name.")
    for column, times in Counter(columns).items():
        if times > 1 and column in COLUMNS:
            raise JobError(f"The column {column} appears twice.")
    return columns


def _column(cell: str) -> str:
    bare = re.sub(r"[\W_]", "", cell.casefold())
    return next((column for column in COLUMNS if column.replace("_", "") == bare), cell.strip())


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> ImportRow:
    found = {
        column: cell if column == "password" else cell.strip() for column, cell in zip(columns, cells, strict=False)
    }
    return ImportRow(line=line, cells=found, misplaced=any(cell.strip() for cell in cells[len(columns) :]))
