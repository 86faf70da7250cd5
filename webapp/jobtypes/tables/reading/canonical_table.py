"""Write the rows of a table once in a form that needs no more guessing: UTF-8, one delimiter, trimmed, equally wide."""

import csv
import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from pathlib import Path

from webapp.jobtypes.tables.reading.csv_rows import RowBatch, cells_of
from webapp.jobtypes.tables.reading.dialect import Row
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import Table

SAMPLE, SAMPLE_BYTES = 50_000, 16_000_000  # rows at most, and their size
ENDS = 5  # first and last rows that a report shows


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalTable:
    """The file, and what was seen while it was written.

    ``sample`` are all rows of a small table, else rows at equal distances, each as in the file. ``longest`` is the size
    of the longest row in bytes at most; ``has_breaks``: some cells have several lines.
    """

    path: Path
    delimiter: str
    names: tuple[str, ...]
    rows: int
    longest: int
    has_breaks: bool
    first: tuple[Row, ...]
    last: tuple[Row, ...]
    sample: tuple[bytes, ...]

    def sample_rows(self, most: int) -> list[Row]:
        """Return the cells of so many rows of the sample at most, at equal distances."""
        return cells_of(self.sample[:: max(1, -(-len(self.sample) // most))], self.delimiter)


def first_columns(table: CanonicalTable, most: int) -> CanonicalTable:
    """Return the table with so many columns at most; if it has more, they are written beside it."""
    if len(table.names) <= most:
        return table
    path, mark = table.path.with_suffix(".part"), table.delimiter
    with table.path.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8", newline="") as out:
        rows = (row[:most] for row in csv.reader(source, delimiter=mark))
        csv.writer(out, delimiter=mark, lineterminator="\n").writerows(rows)
    first, last = (tuple(row[:most] for row in rows) for rows in (table.first, table.last))
    sample = tuple(_as_text([row[:most]], mark) for row in cells_of(table.sample, mark))
    return replace(table, path=path, names=table.names[:most], first=first, last=last, sample=sample)


class _Sample:
    """Every nth row, with n doubled whenever there are too many."""

    def __init__(self) -> None:
        self._step = 1
        self._size = 0
        self.rows: list[bytes] = []

    def add(self, seen: int, count: int, content: bytes, delimiter: str) -> None:
        """Add some of the ``count`` rows in ``content``, below the first ``seen`` ones."""
        if content.count(b"\n") == count:
            found = _lines_of(content, len(range(-seen % self._step, count, self._step)), count)
        else:
            rows = cells_of(content.splitlines(keepends=True), delimiter)
            found = [_as_text([row], delimiter) for row in rows[-seen % self._step :: self._step]]
        self.rows += found
        self._size += sum(map(len, found))
        while len(self.rows) > SAMPLE or (self._size > SAMPLE_BYTES and len(self.rows) > 1):
            self.rows = self.rows[::2]
            self._step *= 2
            self._size = sum(map(len, self.rows))


def write_canonical(
    table: Table, path: Path, problems: RowProblems, progress: Callable[[int, int], None]
) -> CanonicalTable:
    """Write the file; ``progress`` gets the bytes that were read and the rows so far."""
    mark = table.dialect.delimiter
    sample = _Sample()
    head: list[bytes] = []
    tail: list[bytes] = []
    seen, longest, has_breaks = 0, 0, False
    with path.open("wb") as out, _without_cycle_collection():
        for batch in table.batches():
            content, count, longest_here = _canonical(table, batch, problems)
            out.write(content)
            longest = max(longest, longest_here)
            has_breaks = has_breaks or content.count(b"\n") > count
            head += [content] if seen < ENDS else []
            if count:
                tail = [*(tail if count < ENDS else ()), content][-ENDS:]
            sample.add(seen, count, content, mark)
            seen += count
            problems.refuse_no_table(seen, table.bytes_read())
            progress(table.bytes_read(), seen)
    return CanonicalTable(
        path=path,
        delimiter=mark,
        names=table.shape.names,
        rows=seen,
        longest=longest,
        has_breaks=has_breaks,
        first=tuple(cells_of(b"".join(head).splitlines(keepends=True), mark)[:ENDS]),
        last=tuple(cells_of(b"".join(tail).splitlines(keepends=True), mark)[-ENDS:]),
        sample=tuple(sample.rows),
    )


def _canonical(table: Table, batch: RowBatch, problems: RowProblems) -> tuple[bytes, int, int]:
    """Return the text of the sound rows, how many they are, and how long one is at most if it can be very long."""
    mark = table.dialect.delimiter
    if batch.content is not None and not _has_odd_rows(batch.content, table.shape.names, mark):
        return batch.content, len(batch.lines), 0
    _, rows = table.sound_rows(batch, problems)
    content = _as_text(rows, mark)
    if b"\r" in content:  # the csv module puts no quotes around it
        rows = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in rows]
        content = _as_text(rows, mark)
    return content, len(rows), max((4 * sum(map(len, row)) + 3 * len(row) for row in rows), default=0)


def _has_odd_rows(content: bytes, names: Sequence[str], mark: str) -> bool:
    """Whether a row can be blank, or the header again."""
    end = mark if len(names) > 1 else "\n"
    odd = (f"{names[0]}{end}", f'"{names[0]}"{end}', f"{mark * (len(names) - 1)}\n")
    if any(content.startswith(row) or b"\n" + row in content for row in map(str.encode, odd)):
        return True
    return b'""' in content and _blank_row(mark).search(content, 0, len(content) - 1) is not None


@cache
def _blank_row(mark: str) -> re.Pattern[bytes]:
    return re.compile(rb'^(?:(?:"")?%b)*+(?:"")?$' % re.escape(mark.encode()), re.MULTILINE)


def _as_text(rows: Sequence[Row], mark: str) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _lines_of(content: bytes, wanted: int, count: int) -> list[bytes]:
    """Return lines that begin at equal distances, as many as wanted at most, or all."""
    if wanted == count:
        return content.splitlines(keepends=True)
    found, end = [], 0
    for place in range(wanted):
        begin = max(end, content.find(b"\n", place * len(content) // wanted) + 1)
        end = content.find(b"\n", begin) + 1
        if not end:
            break
        found.append(content[begin:end])
    return found


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
