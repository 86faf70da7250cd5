"""Open a table in any format that people have, and find out how it is written; what a person has chosen wins."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import BinaryIO

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.csv_rows import CsvRows, RowBatch
from webapp.jobtypes.tables.reading.dialect import LINES, Dialect, Row, declared_delimiter, dialect_of
from webapp.jobtypes.tables.reading.encoding import encoding_name, encoding_of
from webapp.jobtypes.tables.reading.file_kind import kind_of, refuse_prose
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.shape import Shape, is_total, shape_of
from webapp.jobtypes.tables.reading.text_lines import LineReader, number_of_lines, split_lines
from webapp.jobtypes.tables.reading.workbook import Sheet, sheet_as_csv

_EMPTY = "The file has no readable rows."
_SHORT = "%(count)s fields instead of %(left)s, so the last ones count as missing"
_OTHER_SHEETS = "Other sheets of the workbook: %(names)s"
_BESIDE = "left out what is beside the table: %(lines)s"
_GUESSED = "The encoding %(encoding)s is a guess. If accented letters look wrong, choose another."
TOTALS = 3  # rows at the end that can be totals


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """How a file is written; None and empty: found out."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str = ""
    has_header: bool = True


@dataclass(slots=True, kw_only=True)
class Table:
    """A table that is read once: its shape is known, its rows are in the batches."""

    shape: Shape
    dialect: Dialect
    facts: Mapping[str, str]
    notes: Sequence[Note]
    fills_short_rows: bool
    bytes_read: Callable[[], int]
    _rows: CsvRows = field(repr=False)

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows below the header, as they are in the file."""
        left = self.shape.above + self.shape.headers
        for batch in self._rows.batches(None if self.shape.left else self.shape.width):
            here = min(left, len(batch.parsed))
            left -= here
            rows = [self._without_margin(row) for row in batch.parsed[here:]]
            yield batch if batch.content else replace(batch, lines=batch.lines[here:], parsed=rows)

    def _without_margin(self, row: Row) -> Row:
        return row if any(map(str.strip, row[: self.shape.left])) else row[self.shape.left :]

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield each row with its line, as it is in the file."""
        for batch in self.batches():
            yield from zip(batch.lines, batch.rows, strict=True)

    def sound_rows(self, batch: RowBatch, problems: RowProblems) -> tuple[list[int], list[Row]]:
        """Return the trimmed rows, each with one cell per column; totals, repeated headers and others are left out."""
        raw = batch.rows
        lines, rows = list(batch.lines), [list(map(str.strip, row)) for row in raw]
        if batch.is_last:
            self._leave_out_totals(lines, rows, problems)
        found = zip(lines, raw, rows, strict=False)  # without the totals at the end
        kept = [
            (line, row)
            for line, before, row in found
            if not self._is_blank(before, row) and self._is_sound(line, row, problems)
        ]
        return [line for line, _ in kept], [row for _, row in kept]

    def _leave_out_totals(self, lines: list[int], rows: list[list[str]], problems: RowProblems) -> None:
        totals = 0
        while totals < min(TOTALS, len(rows) - 1) and self.shape.width > 1 and is_total(rows[-1 - totals]):
            totals += 1
        for line in lines[len(lines) - totals :]:
            problems.skip(line, Note("it adds up the rows above"))
        del lines[len(lines) - totals :], rows[len(rows) - totals :]

    def _is_blank(self, raw: Row, row: Row) -> bool:
        """Whether a row has no values. One of only line breaks in quotes is no blank row, but one field too few."""
        return self.shape.width > 1 and not any(row) and not (len(row) == 1 and "\n" in raw[0])

    def _is_sound(self, line: int, row: list[str], problems: RowProblems) -> bool:
        width, found = self.shape.width, len(row)
        if found > width and self.shape.has_notes_beside and any(row[width:]):
            problems.repair(line, Note(_BESIDE, {"lines": " ".join(filter(None, row[width:]))}))
            del row[width:]
        if found > width and not any(row[width:]):
            del row[width:]
            found = width
        if found < width and (self.fills_short_rows or 1 < found >= width / 2):
            row += [""] * (width - found)
            if not self.fills_short_rows:
                problems.repair(line, Note(_SHORT, {"count": found, "left": width}))
        elif found != width:
            text = "%(count)s field instead of %(left)s" if found == 1 else "%(count)s fields instead of %(left)s"
            problems.skip(line, Note(text, {"count": found, "left": width}))
            return False
        if row == list(self.shape.names) and any(map(str.isalpha, "".join(row))):  # numbers can repeat the first row
            problems.skip(line, Note("it repeats the header"))
            return False
        return True


@contextmanager
def open_table(file: BinaryIO, name: str, options: TableFormat, problems: RowProblems) -> Iterator[Table]:
    """Open a CSV file or the sheet of a workbook; raise `JobError` if it is neither."""
    if kind_of(file, name) == "csv":
        encoding = encoding_of(file, options.encoding)
        lines = LineReader(file, encoding.codec, problems)
        notes = [] if encoding.is_sure else [Note(_GUESSED, {"encoding": encoding_name(encoding.codec)})]
        yield _table(lines, name, options, problems, facts={"Encoding": encoding_name(encoding.codec)}, notes=notes)
        return
    with TemporaryDirectory(prefix="table-") as folder:
        sheet = sheet_as_csv(file, Path(folder), options.sheet)
        with sheet.path.open("rb") as cells:
            notes = [Note(_OTHER_SHEETS, {"names": sheet.others})] if sheet.others else []
            yield _table(LineReader(cells, "utf-8", problems), name, options, problems, notes=notes, sheet=sheet)


def _table(
    lines: LineReader,
    name: str,
    options: TableFormat,
    problems: RowProblems,
    *,
    sheet: Sheet | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
    notes: Sequence[Note] = (),
) -> Table:
    """Return the table in a CSV file, or in the cells of a sheet, whose rows are numbered and can be short."""
    blank, blocks = _blank_lines(lines.blocks())
    first = next(blocks, None)
    if first is None:
        raise JobError(f"The sheet {sheet.name} is empty." if sheet else _EMPTY)
    head = split_lines(first)[:LINES]
    dialect = Dialect(delimiter=",") if sheet else dialect_of(head, options.delimiter)
    if not sheet and options.delimiter is None:
        refuse_prose(head, dialect, name)
    shape = _shape(head, dialect, options)
    return Table(
        shape=shape,
        dialect=dialect,
        facts={"Sheet": sheet.name} if sheet else {**facts, "Delimiter": dialect.name},
        notes=[*shape.notes, *notes],
        fills_short_rows=sheet is not None,
        bytes_read=lambda: lines.bytes_read,
        _rows=CsvRows(chain([first], blocks), dialect, problems, first_line=blank + 1, counts_rows=sheet is not None),
    )


def _blank_lines(blocks: Iterator[bytes]) -> tuple[int, Iterator[bytes]]:
    """Return how many lines the blank blocks at the begin have, and the blocks below them."""
    count = 0
    for block in blocks:
        if block.strip():
            return count, chain([block], blocks)
        count += number_of_lines(block)
    return count, blocks


def _shape(head: list[str], dialect: Dialect, options: TableFormat) -> Shape:
    if declared_delimiter(head[0]):
        head = head[1:]
    quiet = RowProblems(lambda _: None)
    rows = [row for batch in CsvRows(iter(["".join(head).encode()]), dialect, quiet).batches() for row in batch.rows]
    if not any(cell.strip() for row in rows for cell in row):
        raise JobError(_EMPTY)
    return shape_of(rows, has_header=options.has_header)
