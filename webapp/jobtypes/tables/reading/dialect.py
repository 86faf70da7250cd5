"""Detect how the fields of a CSV file are divided, from its first lines: delimiter, quotes, backslash escapes."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

CANDIDATES = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
LINES = 200
DECLARED = re.compile(r'"?sep=(.)"?[,;|\s]*$')  # the first line of some files that Excel wrote
_ESCAPED = re.compile(r'\\(["\\])')
_ESCAPED_QUOTE = re.compile(r'[^\\]\\"(?!\s*(?:[,;\t|]|$))')
_FOLDED = re.compile(r"[,;\t|]")
_DECIMAL = re.compile(r"[-+]?\d[\d.']*,\d+")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_DASHES = "-=+: "
FEWEST = 3  # rows one below the other that are a table below any number of other lines
Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How fields are divided.

    With ``has_escapes``, quotes inside of fields are written with a backslash. With ``skips_blanks``, blanks after a
    delimiter mean nothing, so that a quote can follow.
    """

    delimiter: str
    quote: str = '"'
    has_escapes: bool = False
    skips_blanks: bool = False

    def reader(self, lines: Iterable[str], *, has_quotes: bool = True) -> "Reader":
        """Return the rows of lines; without ``has_quotes``, quotes are text."""
        return csv.reader(
            map(self.unescaped, lines) if self.has_escapes else lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            quoting=csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE,
            skipinitialspace=self.skips_blanks,
        )

    @property
    def name(self) -> str:
        """The delimiter in a word."""
        return NAMES.get(self.delimiter, self.delimiter)

    def unescaped(self, line: str) -> str:
        """Return the line with doubled quotes instead of escaped ones."""
        return _ESCAPED.sub(lambda match: '""' if match[1] == '"' else "\\", line)


def dialect_of(lines: Sequence[str], delimiter: str | None = None) -> Dialect:
    """Return the dialect whose delimiter divides most lines alike; else a comma. A chosen ``delimiter`` is kept."""
    has_escapes = any(_ESCAPED_QUOTE.search(line.rstrip()) for line in lines)
    declared = delimiter or (declared_delimiter(lines[0]) if lines else None)
    candidates = [declared] if declared else [";"] if _are_decimals(lines) else CANDIDATES
    dialects = [
        Dialect(
            delimiter=candidate,
            quote=_quote_of(lines, candidate),
            has_escapes=has_escapes,
            skips_blanks=_has_quotes_after_blanks(lines, candidate),
        )
        for candidate in candidates
    ]
    scores = {dialect: _score(lines[:LINES], dialect) for dialect in dialects}
    if not declared and not any(width for _, width in scores.values()) and _are_aligned(lines):
        return Dialect(delimiter=" ", skips_blanks=True)
    return max(dialects, key=scores.__getitem__)


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter of a line such as ``sep=;``, which is not a row."""
    match = DECLARED.match(line)
    return match[1] if match else None


def _quote_of(lines: Sequence[str], delimiter: str) -> str:
    """Single quotes divide fields if they enclose some in most lines and the file has no double quotes."""
    field = re.compile(rf"(?:^|{re.escape(delimiter)})'[^']*'(?:{re.escape(delimiter)}|\s*$)")
    single = sum(bool(field.search(line)) for line in lines)
    return "'" if 2 * single > len(lines) and not any('"' in line for line in lines) else '"'


def _has_quotes_after_blanks(lines: Sequence[str], delimiter: str) -> bool:
    return 2 * sum(f'{delimiter} "' in line for line in lines) > len(lines)


def _are_aligned(lines: Sequence[str]) -> bool:
    """Whether blanks divide every line into as many words, with a column of numbers below a name."""
    rows = [[*filter(None, line.strip().split(" "))] for line in lines if line.strip()]
    if len(rows) < FEWEST or len(set(map(len, rows))) > 1 or len(rows[0]) < 2:  # noqa: PLR2004
        return False
    return any(not _NUMBER.fullmatch(name) and all(map(_NUMBER.fullmatch, cells)) for name, *cells in zip(*rows))  # noqa: B905


def _score(lines: Sequence[str], dialect: Dialect) -> tuple[float, int]:
    """How uniform the rows are, how free of other delimiters the cells, and how seldom a blank follows the delimiter.

    A comma in prose is followed by a blank, and one in a number divides digits: neither divides fields.
    """
    rows = [row for row in _rows(lines, dialect) if any(row) and not is_rule(row)]
    width = usual_width(rows)
    if width <= 1:
        return 0.0, 0
    alike = [row for row in rows if len(row) == width]
    cells = [cell for row in alike for cell in row if cell.strip()]
    clean = sum(not _FOLDED.search(cell) or bool(_DECIMAL.fullmatch(cell.strip())) for cell in cells)
    spaced = sum(cell.startswith(" ") for row in rows for cell in row[1:]) / max(1, sum(len(row) - 1 for row in rows))
    return len(alike) / len(rows) * (1 + clean / max(1, len(cells))) * (1 - spaced / 2), width


def usual_width(rows: Sequence[Row]) -> int:
    """Return how many fields most rows have; of a table below a long text, how many the rows of the table have."""
    widths = [len(row) for row in rows if any(map(str.strip, row))]
    counts = Counter(widths)
    usual = max(counts, key=lambda width: (counts[width], width), default=0)
    runs = ((width, len([*run])) for width, run in groupby(widths)) if usual == 1 else ()
    return max((width for width, length in runs if width > 1 and length >= FEWEST), default=usual)


def is_rule(row: Row) -> bool:
    """Whether a row is drawn of dashes, below the header of a table for people."""
    text = "".join(row)
    return text[:1] in _DASHES and ("--" in text or "==" in text) and not text.strip(_DASHES)


def _are_decimals(lines: Sequence[str]) -> bool:
    """Whether the lines are numbers with a decimal comma below the name of the only column."""
    first, *rest = [*filter(None, map(str.strip, lines))] or [""]
    return "," not in first and bool(rest) and all(map(_DECIMAL.fullmatch, rest))


def _rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(dialect.reader(lines))
    return rows
