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
    """Every nth row, with n doubled whenever there are too many; of plain lines, as many from the begin of a block."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._step = 1
        self.rows: list[Row] = []

    def add(self, seen: int, batch: PlainLines | Sequence[Row]) -> None:
        """Add some of the rows below the first ``seen`` ones."""
        if isinstance(batch, PlainLines):
            places = range(-seen % self._step, batch.count, self._step)
            self.rows += _cells(batch.lines(len(places)), self._delimiter) if places else ()
        else:
            self.rows += batch[-seen % self._step :: self._step]
        while len(self.rows) > SAMPLE:
            self.rows = self.rows[::2]
            self._step *= 2


def write_canonical(
    table: Table, path: Path, problems: RowProblems, progress: Callable[[int, int], None]
) -> CanonicalTable:
    """Write the file; ``progress`` gets the bytes that were read and the rows so far."""
    mark = table.dialect.delimiter
    sample = _Sample(mark)
    first: list[Row] = []
    last: list[Row] = []
    seen, longest, has_breaks = 0, 0, False
    with path.open("wb") as out, _without_cycle_collection():
        for batch in table.batches():
            rows, text = _canonical(table, batch, problems)
            count = rows.count if isinstance(rows, PlainLines) else len(rows)
            out.write(text.encode("utf-8", "replace"))
            if not isinstance(rows, PlainLines):
                longest = max(longest, *map(len, text.split("\n")))
                has_breaks = has_breaks or text.count("\n") > count
            if len(first) < ENDS:
                first += _begin(rows, ENDS - len(first), mark)
            last = [*last, *_end(rows, mark)][-ENDS:]
            sample.add(seen, rows)
            seen += count
            progress(table.bytes_read(), seen)
    return CanonicalTable(
        path=path,
        delimiter=mark,
        names=table.shape.names,
        rows=seen,
        longest=4 * (LONGEST_LINE if has_breaks else longest),
        has_breaks=has_breaks,
        first=tuple(first),
        last=tuple(last),
        sample=tuple(sample.rows),
    )


def _canonical(
    table: Table, batch: ParsedRows | PlainLines, problems: RowProblems
) -> tuple[PlainLines | Sequence[Row], str]:
    """Return the rows, as lines if they need no parser, and all of them as text."""
    mark = table.dialect.delimiter
    blank, header = f"{mark * (table.shape.width - 1)}\n", mark.join(table.shape.names)
    if isinstance(batch, PlainLines) and not (
        header in batch.text or f"\n{blank}" in batch.text or batch.text.startswith(blank)
    ):
        return batch, batch.text
    _, rows = table.sound_rows(table.parsed(batch), problems)
    text = _as_text(rows, mark)
    if "\r" in text:  # the csv module puts no quotes around it
        rows = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in rows]
        text = _as_text(rows, mark)
    return rows, text


def _as_text(rows: Sequence[Row], mark: str) -> str:
    text = StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _begin(rows: PlainLines | Sequence[Row], most: int, mark: str) -> Sequence[Row]:
    return _cells(rows.lines(min(most, rows.count)), mark) if isinstance(rows, PlainLines) else rows[:most]


def _end(rows: PlainLines | Sequence[Row], mark: str) -> Sequence[Row]:
    if not isinstance(rows, PlainLines):
        return rows[-ENDS:]
    return _cells(rows.text.rsplit("\n", min(ENDS, rows.count) + 1)[-min(ENDS, rows.count) - 1 : -1], mark)


def _cells(lines: Sequence[str], mark: str) -> list[Row]:
    return [line.split(mark) for line in lines]


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
