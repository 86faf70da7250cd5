"""Write the rows of a table once in a form that needs no more guessing: UTF-8, one delimiter, trimmed, equally wide."""

import csv
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from webapp.jobtypes.tables.reading.csv_rows import ParsedRows, PlainLines, Row
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import Table
from webapp.jobtypes.tables.reading.text_lines import LONGEST_LINE

SAMPLE = 8_192  # rows
ENDS = 5  # first and last rows that a report shows


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalTable:
    """The file, and what was seen while it was written.

    ``sample`` are all rows of a small table, else rows at equal distances. ``longest`` is the size of the longest row
    in bytes at most; ``has_breaks``: some cells have several lines.
    """

    path: Path
    delimiter: str
    names: tuple[str, ...]
    rows: int
    longest: int
    has_breaks: bool
    first: tuple[Row, ...]
    last: tuple[Row, ...]
    sample: tuple[Row, ...]


class _Sample:
    """Every nth row, with n doubled whenever there are too many."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._step = 1
        self.rows: list[Row] = []

    def add(self, seen: int, rows: Sequence[Row | str]) -> None:
        """Add some of the rows below the first ``seen`` ones."""
        self.rows += [_cells(row, self._delimiter) for row in rows[-seen % self._step :: self._step]]
        while len(self.rows) > SAMPLE:
            self.rows = self.rows[::2]
            self._step *= 2


def write_canonical(
    table: Table, path: Path, problems: RowProblems, progress: Callable[[int, int], None]
) -> CanonicalTable:
    """Write the file; ``progress`` gets the bytes that were read and the rows so far."""
    mark = table.dialect.delimiter
    sample = _Sample(mark)
    first: list[Row | str] = []
    last: list[Row | str] = []
    seen, longest, has_breaks = 0, 0, False
    with path.open("wb") as out, _without_cycle_collection():
        for batch in table.batches():
            rows, text, longest_here = _canonical(table, batch, problems)
            out.write(text.encode("utf-8", "replace"))
            longest = max(longest, longest_here)
            has_breaks = has_breaks or text.count("\n") > len(rows)
            first += rows[: ENDS - len(first)]
            last = [*last, *rows[-ENDS:]][-ENDS:]
            sample.add(seen, rows)
            seen += len(rows)
            progress(table.bytes_read(), seen)
    return CanonicalTable(
        path=path,
        delimiter=mark,
        names=table.shape.names,
        rows=seen,
        longest=4 * (LONGEST_LINE if has_breaks else longest),
        has_breaks=has_breaks,
        first=tuple(_cells(row, mark) for row in first),
        last=tuple(_cells(row, mark) for row in last),
        sample=tuple(sample.rows),
    )


def _canonical(
    table: Table, batch: ParsedRows | PlainLines, problems: RowProblems
) -> tuple[Sequence[Row | str], str, int]:
    """Return the rows, as lines if they were not parsed; all of them as text; and the length of the longest line."""
    mark = table.dialect.delimiter
    blank, header = f"\n{mark * (table.shape.width - 1)}\n", mark.join(table.shape.names)
    if isinstance(batch, PlainLines) and header not in batch.text and blank not in batch.text:
        return batch.lines, batch.text, batch.longest
    _, rows = table.sound_rows(table.parsed(batch), problems)
    text = StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows(rows)
    written = text.getvalue()
    return rows, written, max(map(len, written.split("\n")))


def _cells(row: Row | str, mark: str) -> Row:
    return row.split(mark) if isinstance(row, str) else row


@contextmanager
def _without_cycle_collection() -> Iterator[None]:
    """Disable the garbage collector: rows have no reference cycles, and looking for them takes a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
