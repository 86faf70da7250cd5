"""Read the rows of a CSV file, and lose none: after a quote that is never closed, reading continues below it.

Most files need no parser for most of their lines. A block of lines in which all have the same number of fields, without
line breaks in quotes, is passed on as text; that is ten times as fast. Everything else goes through the csv module.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.dialect import Dialect, Row, declared_delimiter, is_rule
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.text_lines import LONGEST_LINE, number_of_lines, split_lines

MOST_OPEN_QUOTES = 50  # afterwards quotes are text: each open one costs a look at many lines
LONGEST_FIELD = csv.field_size_limit()
FIRST_LINES, LONGEST_QUOTE = 10, 1_000_000  # bytes without another quote below one that opens on one of these lines
OPEN_QUOTE = Note("a quote is never closed, so it was read as text")
_LONG_FIELD = "a field of more than %(count)s characters"
_BLANKS = b" \t\v\f"
_WIDE_BLANKS = tuple(map(str.encode, "\u00a0\u1680\u2002\u2003\u2009\u202f\u3000"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBatch:
    """Rows that are not blank, with the lines on which they begin; ``is_last``: those at the end of the file.

    ``content`` are lines whose fields need no parser, in UTF-8, each with a line feed; they are divided when needed.
    """

    lines: Sequence[int]
    delimiter: str
    parsed: Sequence[Row] = ()
    content: bytes | None = None
    is_last: bool = False

    @property
    def rows(self) -> Sequence[Row]:
        """The cells of each row."""
        return self.parsed if self.content is None else cells_of(self.content.splitlines(), self.delimiter)


class CsvRows:
    """The rows of a file, once, from blocks of complete lines.

    With ``counts_rows``, rows are numbered as a worksheet numbers them, and not by their lines.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        dialect: Dialect,
        problems: RowProblems,
        *,
        first_line: int = 1,
        counts_rows: bool = False,
    ) -> None:
        self._blocks = blocks
        self._dialect = dialect
        self._problems = problems
        self._counts_rows = counts_rows
        self._line = first_line  # the number of the next line, or of the next row
        self._open_quotes = 0
        self._opened = 0  # one of the first lines, if its quote was not closed so far
        self._below = 0  # bytes below that line
        special = f'{dialect.delimiter}\n\r"{dialect.quote}' + ("\\" if dialect.has_escapes else "")
        self._mark = dialect.delimiter.encode()
        self._dull = bytes(set(range(256)) - set(special.encode()))
        ends = self._mark + b"\n"
        self._blanks = _BLANKS.replace(self._mark, b"")
        shape = {**dict.fromkeys(self._blanks, " "), **dict.fromkeys(ends, ","), 34: '"'}
        self._shapes = "".join(shape.get(byte, "x") for byte in range(256)).encode()

    def batches(self, width: int | None = None) -> Iterator[RowBatch]:
        """Yield the rows in order; with ``width``, lines that need no parser as text."""
        rest: list[str] = []
        tried = 0  # lines of a row that goes on, when it was last parsed; with each block, it would take the square
        blank = b" \t\r\n" + (self._mark if (width or 0) > 1 else b"")
        block, is_first = next(self._blocks, None), True
        while block is not None:
            following = next(self._blocks, None)
            self._refuse_endless_quote(block)
            is_within = not rest and following is not None
            if is_within and not block.strip(blank):
                self._line += number_of_lines(block)
            elif width and is_within and not is_first and (plain := self._plain(block, width)):
                yield plain
            else:
                lines = [*rest, *split_lines(block)]
                if is_first and lines and declared_delimiter(lines[0]):
                    lines[0] = "\n"
                if following is not None and len(lines) < 2 * tried:
                    rest = lines
                else:
                    batch, rest = self._parsed(lines, is_last=following is None)
                    tried = len(rest)
                    yield batch
                self._refuse_endless_row(rest)
            block, is_first = following, False

    def _refuse_endless_quote(self, block: bytes) -> None:
        """Whether text below an open quote has rows can be told by the rows above it, if there are some."""
        if self._opened and self._dialect.quote.encode() in block:
            self._opened = 0
        self._below += len(block) if self._opened else 0
        if self._below > LONGEST_QUOTE:
            line, most = f"{self._opened:,}", f"{LONGEST_QUOTE:,}"
            message = f"Line {line} begins a quoted value that does not end within {most} bytes. Check its quotes."
            raise JobError(message)

    def _refuse_endless_row(self, lines: Sequence[str]) -> None:
        if sum(map(len, lines)) > LONGEST_LINE:
            line, most = f"{self._line:,}", f"{LONGEST_LINE:,}"
            message = f"The row that begins on line {line} has more than {most} characters. Check its quotes."
            raise JobError(message)

    def _plain(self, block: bytes, width: int) -> RowBatch | None:
        """Return the lines if none needs a parser: all of them have as many fields, without blanks at their edges."""
        content = block.replace(b"\r\n" if b"\n" in block else b"\r", b"\n") if b"\r" in block else block
        count = content.count(b"\n")
        if not self._is_regular(content, width, count) or _has_long_line(content) or self._has_edge_blanks(content):
            return None
        first, self._line = self._line, self._line + count
        return RowBatch(lines=range(first, self._line), delimiter=self._dialect.delimiter, content=content)

    def _is_regular(self, content: bytes, width: int, count: int) -> bool:
        has_blank_lines = width == 1 and (content.startswith(b"\n") or b"\n\n" in content)
        if len(self._mark) > 1 or self._dialect.skips_blanks or has_blank_lines:
            return False
        if content.translate(None, self._dull) == (self._mark * (width - 1) + b"\n") * count:
            return True
        has_quotes = self._dialect == Dialect(delimiter=self._dialect.delimiter) and b'"' in content
        return has_quotes and _regular_rows(self._mark, width).fullmatch(content) is not None

    def _has_edge_blanks(self, content: bytes) -> bool:
        """Whether a field begins or ends with a blank."""
        ends = [self._mark, b"\n", *([self._mark + b'"', b'\n"', b'"' + self._mark, b'"\n'] if b'"' in content else ())]
        if any(blank in content for blank in self._blanks):
            shapes = content.translate(self._shapes)
            if shapes.startswith((b" ", b'" ')) or any(edge in shapes for edge in (b", ", b" ,", b'," ', b' ",')):
                return True
        wide = [] if content.isascii() else [blank for blank in _WIDE_BLANKS if blank in content]
        return any(edge in b"\n" + content for blank in wide for end in ends for edge in (blank + end, end + blank))

    def _parsed(self, lines: list[str], *, is_last: bool) -> tuple[RowBatch, list[str]]:
        """Return the rows, and the lines of a row at the end that the next block continues."""
        rows: list[Row] = []
        numbers: list[int] = []
        batch = RowBatch(lines=numbers, delimiter=self._dialect.delimiter, parsed=rows, is_last=is_last)
        while lines:
            begin, unclosed = self._parse(lines, rows, numbers)
            if unclosed is None and begin == len(lines):
                return batch, []
            if unclosed is not None and not is_last:
                return batch, lines[begin:]
            if unclosed is None and lines[begin].count(self._dialect.quote) % 2 == 0:
                self._problems.skip(self._line, Note(_LONG_FIELD, {"count": LONGEST_FIELD}))
                lines = lines[begin + 1 :]
                self._line += 1
                continue
            self._open_quotes += 1
            if unclosed is None:
                row, lines = self._divided(lines[begin]), lines[begin + 1 :]
            else:
                *cells, swallowed = unclosed
                opened, *below = StringIO('"' + swallowed.replace('"', '""'), newline="")
                self._line += len(lines) - begin - len(below) - 1
                row, lines = [*cells, *self._divided(opened)], below
            self._problems.repair(self._line, OPEN_QUOTE)
            if self._line <= FIRST_LINES:
                self._opened = self._line
            rows.append(row)
            numbers.append(self._line)
            self._line += 1
        return batch, []

    def _parse(self, lines: list[str], rows: list[Row], numbers: list[int]) -> tuple[int, Row | None]:
        """Add the complete rows; return the place of the first other line, and its row with an open quote.

        The row is None after the last line, and if a field is so long that its quote must be open.
        """
        # A blank line behind the last one is a row of its own, without cells, unless a quote is open.
        reader = self._dialect.reader([*lines, ""], has_quotes=self._open_quotes < MOST_OPEN_QUOTES)
        at, begin, base, number = 0, 0, self._line, 0
        row: Row = []
        try:
            for number, row in enumerate(reader):
                if row and not is_rule(row):
                    rows.append(row)
                    numbers.append(base + (number if self._counts_rows else begin))
                at, begin = begin, reader.line_num
        except csv.Error:
            self._line = base + begin
            return begin, None
        if row:
            self._line = numbers.pop()
            return at, rows.pop()
        self._line = base + (number if self._counts_rows else len(lines))
        return len(lines), None

    def _divided(self, line: str) -> Row:
        return line.rstrip("\r\n").split(self._dialect.delimiter)


def _has_long_line(content: bytes) -> bool:
    """Whether a line can be longer than the csv module reads: it would fill a half of that, wherever it begins."""
    half = LONGEST_FIELD // 2
    return any(content.find(b"\n", at, at + half) < 0 for at in range(0, len(content) - half, half))


def cells_of(lines: Sequence[bytes], delimiter: str) -> list[Row]:
    """Return the cells of rows in canonical form, each with the breaks in its cells."""
    return list(csv.reader(map(bytes.decode, lines), delimiter=delimiter))


@cache
def _regular_rows(mark: bytes, width: int) -> re.Pattern[bytes]:
    """Return the pattern of rows with some fields in quotes, but without line breaks in them."""
    end = re.escape(mark)
    field = rb'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|[^"\r\n' + end + rb"]*+)"
    return re.compile(rb"(?:%b(?:%b%b){%d}\n)*+" % (field, end, field, width - 1))
