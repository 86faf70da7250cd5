"""Read the rows of a CSV file, and lose none: after a quote that is never closed, reading continues below it.

Most files need no parser for most of their lines. A block of lines without quotes, in which all have the same number
of delimiters, is passed on as text; that is ten times as fast. Everything else goes through the csv module.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.dialect import Dialect, declared_delimiter
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.text_lines import split_lines
from webapp.jobtypes.tables.reading.unclosed_quote import EndMarker, lines_from

MOST_OPEN_QUOTES = 50  # afterwards quotes are text: each open one costs a look at many lines
LONGEST_FIELD = csv.field_size_limit()
OPEN_QUOTE = Note("a quote is never closed, so it was read as text")
_LONG_FIELD = "a field of more than %(count)s characters"
_BLANKS = " \t\v\f"
_WIDE_BLANKS = "\u00a0\u1680\u2002\u2003\u2009\u202f\u3000"

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLines:
    """Lines whose fields need no parser; ``text`` has all of them, each with a line feed."""

    first_line: int
    count: int
    text: str

    def lines(self, most: int | None = None) -> list[str]:
        """Return the lines, or so many of the first ones, without their breaks."""
        return self.text.split("\n", most or -1)[: self.count if most is None else most]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRows:
    """Rows that are not blank, with the lines on which they begin; ``is_last`` marks those at the end of the file."""

    lines: Sequence[int]
    rows: Sequence[Row]
    is_last: bool


class CsvRows:
    """The rows of a file, once, from blocks of complete lines.

    With ``counts_rows``, rows are numbered as a worksheet numbers them, beginning with ``first``.
    """

    def __init__(
        self,
        blocks: Iterator[str],
        dialect: Dialect,
        problems: RowProblems,
        *,
        counts_rows: bool = False,
        first: int = 1,
    ) -> None:
        self._blocks = blocks
        self._dialect = dialect
        self._problems = problems
        self._counts_rows = counts_rows
        self._line = first  # the number of the next line, or of the next row
        self._open_quotes = 0
        special = f'{dialect.delimiter}\n\r"{dialect.quote}' + ("\\" if dialect.has_escapes else "")
        self._dull = bytes(set(range(256)) - set(special.encode()))
        ends, blanks = f"{dialect.delimiter}\n".encode(), _BLANKS.encode()
        self._shapes = bytes(ord(",") if byte in ends else ord(" ") if byte in blanks else 120 for byte in range(256))

    def batches(self, width: int | None = None) -> Iterator[ParsedRows | PlainLines]:
        """Yield the rows in order; with ``width``, lines that need no parser as text."""
        rest: list[str] = []
        block, is_first = next(self._blocks, None), True
        while block is not None:
            following = next(self._blocks, None)
            if not rest and width and not is_first and following is not None and (plain := self._plain(block, width)):
                yield plain
            else:
                lines = [*rest, *split_lines(block)]
                if is_first and lines and declared_delimiter(lines[0]):
                    lines[0] = "\n"
                batch, rest = self._parsed(lines, is_last=following is None)
                yield batch
            block, is_first = following, False

    def _plain(self, block: str, width: int) -> PlainLines | None:
        mark = self._dialect.delimiter
        text = block.replace("\r\n", "\n") if "\r" in block else block
        content = text.encode()
        count = text.count("\n")
        if not mark.isascii() or content.translate(None, self._dull) != self._row(width) * count:
            return None
        if (
            (width == 1 and ("\n\n" in text or text[0] == "\n"))
            or _has_long_line(text)
            or self._has_edge_blanks(text, content)
        ):
            return None
        first, self._line = self._line, self._line + count
        return PlainLines(first_line=first, count=count, text=text)

    def _row(self, width: int) -> bytes:
        return self._dialect.delimiter.encode() * (width - 1) + b"\n"

    def _has_edge_blanks(self, text: str, content: bytes) -> bool:
        """Whether a field begins or ends with a blank; ``content`` is the text in UTF-8."""
        mark = self._dialect.delimiter
        if any(blank in text and blank != mark for blank in _BLANKS):
            shapes = content.translate(self._shapes)
            if shapes.startswith(b" ") or b", " in shapes or b" ," in shapes:
                return True
        wide = [blank for blank in _WIDE_BLANKS if blank in text] if len(content) > len(text) else ()
        return any(
            edge in f"\n{text}" for blank in wide for edge in (blank + mark, mark + blank, f"{blank}\n", f"\n{blank}")
        )

    def _parsed(self, lines: list[str], *, is_last: bool) -> tuple[ParsedRows, list[str]]:
        """Return the rows, and the lines of a row at the end that the next block continues."""
        rows: list[Row] = []
        numbers: list[int] = []
        while lines:
            begin, unclosed = self._parse(lines, rows, numbers)
            if unclosed is None and begin == len(lines):
                return ParsedRows(lines=numbers, rows=rows, is_last=is_last), []
            if unclosed is not None and not is_last:
                return ParsedRows(lines=numbers, rows=rows, is_last=is_last), lines[begin:]
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
                opened, *below = lines_from(swallowed)
                self._line += len(lines) - begin - len(below) - 1
                row, lines = [*cells, *self._divided(opened)], below
            self._problems.repair(self._line, OPEN_QUOTE)
            rows.append(row)
            numbers.append(self._line)
            self._line += 1
        return ParsedRows(lines=numbers, rows=rows, is_last=is_last), []

    def _parse(self, lines: list[str], rows: list[Row], numbers: list[int]) -> tuple[int, Row | None]:
        """Add the complete rows; return the place of the first other line, and its row with an open quote.

        The row is None after the last line, and if a field is so long that its quote must be open.
        """
        end = EndMarker()
        reader = csv.reader(
            end.behind(map(self._dialect.unescaped, lines) if self._dialect.has_escapes else lines),
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote,
            quoting=csv.QUOTE_MINIMAL if self._open_quotes < MOST_OPEN_QUOTES else csv.QUOTE_NONE,
        )
        at, begin, base, number = 0, 0, self._line, 0
        row: Row = []
        try:
            for number, row in enumerate(reader):
                if row:
                    rows.append(row)
                    numbers.append(base + (number if self._counts_rows else begin))
                at, begin = begin, reader.line_num
        except csv.Error:
            self._line = base + begin
            return begin, None
        if row and end.passed:
            self._line = numbers.pop()
            return at, rows.pop()
        self._line = base + (number if self._counts_rows else len(lines))
        return len(lines), None

    def _divided(self, line: str) -> Row:
        return line.rstrip("\r\n").split(self._dialect.delimiter)


def _has_long_line(text: str) -> bool:
    """Whether a line can be longer than the csv module reads: it would fill a half of that, wherever it begins."""
    half = LONGEST_FIELD // 2
    return any(text.find("\n", at, at + half) < 0 for at in range(0, len(text) - half, half))
