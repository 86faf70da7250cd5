"""Detect how the fields of a CSV file are divided, from its first lines: delimiter, quotes, backslash escapes."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

CANDIDATES = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LINES = 200
DECLARED = re.compile(r'"?sep=(.)"?[,;\t|]*\s*$')  # the first line of some files that Excel wrote
_ESCAPED = re.compile(r'\\(["\\])')
_ESCAPED_QUOTE = re.compile(r'[^\\]\\"(?!\s*(?:[,;\t|]|$))')
_FOLDED = re.compile(r"[,;\t|]")
_DECIMAL = re.compile(r"[-+]?\d[\d.']*,\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How fields are divided. With ``has_escapes``, quotes inside of fields are written with a backslash."""

    delimiter: str
    quote: str = '"'
    has_escapes: bool = False

    @property
    def name(self) -> str:
        """The delimiter in a word."""
        return NAMES.get(self.delimiter, self.delimiter)

    def unescaped(self, line: str) -> str:
        """Return the line with doubled quotes instead of escaped ones."""
        if not self.has_escapes:
            return line
        return _ESCAPED.sub(lambda match: '""' if match[1] == '"' else "\\", line)


def dialect_of(lines: Sequence[str], delimiter: str | None = None) -> Dialect:
    """Return the dialect whose delimiter divides most lines alike; else a comma. A chosen ``delimiter`` is kept."""
    has_escapes = any(_ESCAPED_QUOTE.search(line.rstrip()) for line in lines)
    declared = delimiter or (declared_delimiter(lines[0]) if lines else None)
    candidates = [declared] if declared else CANDIDATES
    dialects = [
        Dialect(delimiter=candidate, quote=_quote_of(lines, candidate), has_escapes=has_escapes)
        for candidate in candidates
    ]
    return max(dialects, key=lambda dialect: _score(lines[:LINES], dialect))


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter of a line such as ``sep=;``, which is not a row."""
    match = DECLARED.match(line)
    return match[1] if match else None


def _quote_of(lines: Sequence[str], delimiter: str) -> str:
    """Single quotes divide fields if they enclose some in most lines and the file has no double quotes."""
    field = re.compile(rf"(?:^|{re.escape(delimiter)})'[^']*'(?:{re.escape(delimiter)}|\s*$)")
    single = sum(bool(field.search(line)) for line in lines)
    return "'" if 2 * single > len(lines) and not any('"' in line for line in lines) else '"'


def _score(lines: Sequence[str], dialect: Dialect) -> tuple[float, int]:
    """How uniform the rows are, how free of other delimiters the cells, and how seldom a blank follows the delimiter.

    A comma in prose is followed by a blank, and one in a number divides digits: neither divides fields.
    """
    rows = [row for row in _rows(lines, dialect) if any(row)]
    widths = Counter(map(len, rows))
    width, number = widths.most_common(1)[0] if widths else (0, 0)
    if width <= 1:
        return 0.0, 0
    cells = [cell for row in rows if len(row) == width for cell in row if cell.strip()]
    clean = sum(not _FOLDED.search(cell) or bool(_DECIMAL.fullmatch(cell.strip())) for cell in cells)
    spaced = sum(cell.startswith(" ") for row in rows for cell in row[1:]) / max(1, sum(len(row) - 1 for row in rows))
    return number / widths.total() * (1 + clean / max(1, len(cells))) * (1 - spaced / 2), width


def _rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(csv.reader(map(dialect.unescaped, lines), delimiter=dialect.delimiter, quotechar=dialect.quote))
    return rows
