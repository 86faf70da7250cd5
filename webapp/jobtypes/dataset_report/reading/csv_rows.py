"""Read the rows of a CSV file in constant memory: a very long line is skipped.

Batches are small enough for the cache of the processor.
"""

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from typing import BinaryIO

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading.rows import BadRows, Batch, Row, Table
from webapp.jobtypes.tables.delimiter import NAMES, delimiter_of
from webapp.jobtypes.tables.encoding import encoding_name, encoding_of
from webapp.jobtypes.tables.unclosed_quote import EndMarker, lines_from

BLOCK = 64 * 1024  # bytes; a block and its rows stay in the processor's cache, which doubles the speed of parsing
LONGEST_LINE = 4 * 1024 * 1024  # characters
NUL = "\0"
REPLACEMENT = "\ufffd"


class LineReader:
    """Reads the lines with their line breaks; `blocks` and `bytes_read` are the position in the file."""

    def __init__(self, file: BinaryIO, encoding: str, bad_rows: BadRows) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._encoding = encoding_name(encoding)
        self._bad_rows = bad_rows
        self._number = 0
        self._inside_long_line = False
        self.blocks = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[str]:
        """Iterate over the lines, once."""
        return chain.from_iterable(self._complete_lines())

    def _complete_lines(self) -> Iterator[list[str]]:
        rest = ""
        for text in self._texts():
            # newline="" splits at \n, \r and \r\n only; str.splitlines would also split at U+2028 and others.
            lines = list(StringIO(rest + text, newline=""))
            # A last \r may be half of \r\n, so it waits for the next block.
            rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            yield self._checked(lines)
            rest = self._without_long_line(rest)
        if rest:
            yield self._checked([rest])

    def _texts(self) -> Iterator[str]:
        while chunk := self._file.read(BLOCK):
            self.bytes_read += len(chunk)
            self.blocks += 1
            yield self._decoder.decode(chunk)
        yield self._decoder.decode(b"", final=True)

    def _without_long_line(self, rest: str) -> str:
        if not self._inside_long_line and len(rest) <= LONGEST_LINE:
            return rest
        if not self._inside_long_line:
            self._bad_rows.skip(self._number + 1, f"a line of more than {LONGEST_LINE:,} characters")
        self._inside_long_line = True
        return ""

    def _checked(self, lines: list[str]) -> list[str]:
        if self._inside_long_line and lines:
            lines[0] = "\n"  # keeps the numbers of the lines after it
            self._inside_long_line = False
        text = "".join(lines)
        if NUL in text or (REPLACEMENT in text):
            lines = [self._repaired(number, line) for number, line in enumerate(lines, self._number + 1)]
        self._number += len(lines)
        return lines

    def _repaired(self, number: int, line: str) -> str:
        if REPLACEMENT in line:
            self._bad_rows.repair(number, f"bytes that are not {self._encoding} are shown as {REPLACEMENT}")
        if NUL in line:
            self._bad_rows.repair(number, "NUL bytes were removed")
            return line.replace(NUL, "")
        return line


SAMPLE = 64 * 1024
COLUMNS_PER_BLOCK = 32  # a wide table takes more blocks per batch, or columns would get a few values at a time
MOST_BLOCKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """Encoding and delimiter of a CSV file; None means that they are detected."""

    encoding: str | None = None
    delimiter: str | None = None


def read_csv(file: BinaryIO, csv_format: CsvFormat, bad_rows: BadRows) -> Table:
    """Open the table; its rows are read when the batches are consumed."""
    encoding = csv_format.encoding or encoding_of(file)
    delimiter = csv_format.delimiter or delimiter_of(_first_lines(file, encoding))
    rows = _Rows(LineReader(file, encoding, bad_rows), delimiter, bad_rows)
    first, line = rows.first()
    return Table(
        first=first,
        first_line=line,
        batches=rows.batches(),
        facts={
            "Encoding": encoding_name(encoding),
            "Delimiter": NAMES.get(delimiter, delimiter),
        },
    )


def _first_lines(file: BinaryIO, encoding: str) -> list[str]:
    sample = file.read(SAMPLE)
    file.seek(0)
    lines = list(StringIO(sample.decode(encoding, errors="replace").replace("\0", ""), newline=""))
    return lines[:-1] if len(sample) == SAMPLE and len(lines) > 1 else lines


class _Rows:
    def __init__(self, lines: LineReader, delimiter: str, bad_rows: BadRows) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._bad_rows = bad_rows
        self._read(lines, before=0)

    def first(self) -> tuple[Row, int]:
        while batch := self._next_batch(blocks=0):
            if not _declares_delimiter(batch.rows[0]):
                return batch.rows[0], batch.lines[0]
        message = "The file has no readable rows."
        raise JobError(message)

    def batches(self) -> Iterator[Batch]:
        blocks = 1
        while batch := self._next_batch(blocks):
            blocks = min(MOST_BLOCKS, 1 + len(batch.rows[0]) // COLUMNS_PER_BLOCK)
            yield batch

    def _read(self, lines: Iterable[str], before: int) -> None:
        self._lines_before = before
        self._end = EndMarker()
        self._reader = csv.reader(self._end.behind(lines), delimiter=self._delimiter)

    @property
    def _line(self) -> int:
        return self._lines_before + self._reader.line_num

    def _next_batch(self, blocks: int) -> Batch | None:
        """Return the rows up to the end of so many blocks more, at least one; None after the last."""
        rows: list[Row] = []
        lines: list[int] = []
        full = self._lines.blocks + blocks
        while self._read_on(rows, lines, full):
            pass
        return Batch(rows=rows, lines=lines, bytes_read=self._lines.bytes_read) if rows else None

    def _read_on(self, rows: list[Row], lines: list[int], full: int) -> bool:
        """Append rows that are not blank; return True if one was skipped or split, so that more may follow."""
        before, reader = self._lines_before, self._reader
        row, start = [], self._line + 1
        try:
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(start)
                    if self._lines.blocks >= full:
                        break
                start = before + reader.line_num + 1
        except csv.Error as error:
            self._bad_rows.skip(start, _reason(error, start, self._line))
            return True
        if not (row and self._end.passed):
            return False
        rows[-1] = self._taken_back(rows[-1])
        return self._lines.blocks < full

    def _taken_back(self, row: Row) -> Row:
        """Return the row up to the end of the line on which its last quote was opened; reading continues below it."""
        *cells, swallowed = row
        opened, *below = lines_from(swallowed)
        line = self._line - len(below) - 1
        self._bad_rows.repair(line, "a quote is never closed, so it was read as text")
        self._read(below, before=line)
        return [*cells, *opened.rstrip("\r\n").split(self._delimiter)]


def _declares_delimiter(row: Row) -> bool:
    return row[0].startswith("sep=") and len(row) <= 2  # noqa: PLR2004 - with ; as delimiter, sep=; has two fields


def _reason(error: csv.Error, first: int, last: int) -> str:
    if "field larger than" not in str(error):
        return str(error)
    size = f"{csv.field_size_limit():,}"
    if first == last:
        return f"a field of more than {size} characters"
    return f"a field of more than {size} characters up to line {last:,}, perhaps because a quote is never closed"
