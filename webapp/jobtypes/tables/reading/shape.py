"""Find the table in the first rows of a file: what is written above it, its header and its width."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note

MOST_COLUMNS = 16_384  # as many as a worksheet has
LONGEST_NAME = 200
NAMED_LINES = 3
_UNIT = re.compile(r"[\[(].*[\])]")
_VALUE = re.compile(r"[-+(]?[^\W\d_]{0,3}[\s$€£¥]*\d[\d.,:/'\s-]*(?:[%€$£]|[^\W\d_]{1,3})?\)?")
_TOTAL = re.compile(r"(grand )?total\b|sum(me)?\b|subtotal\b|gesamt(summe)?\b|insgesamt\b", re.IGNORECASE)

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The table below ``above`` rows: ``headers`` rows of names, then rows of ``len(names)`` cells."""

    above: int
    headers: int
    names: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)


def shape_of(rows: Sequence[Row], *, has_header: bool) -> Shape:
    """Return the shape of a table from its first rows, of which one has a value."""
    usual = _usual_width(rows)
    above = _rows_above(rows, usual)
    body = [row for row in rows[above:] if any(map(str.strip, row))]
    notes = [_told_above(rows[:above])] if any(map(_filled, rows[:above])) else []
    if not has_header:
        return Shape(above=above, headers=0, names=numbered(max(usual, 1)), notes=tuple(notes))
    headers = 2 if _has_two_headers(body) else 1
    header = _merged(body[0], body[1]) if headers == 2 else body[0]  # noqa: PLR2004
    width = _width(header, body[headers:], usual)
    if width < max(usual, len(header)):
        notes.append(Note("Every row ends with a delimiter, which is no column."))
    if headers > 1:
        notes.append(Note("The header has two rows. Their names were joined."))
    names = column_names([*header, *[""] * width][:width])
    return Shape(above=above, headers=headers, names=names, notes=tuple(notes))


def is_total(row: Row) -> bool:
    """Whether a last row adds up the rows above it, by its first cell that is not blank."""
    first = next(filter(None, map(str.strip, row)), "")
    return bool(_TOTAL.match(first)) and any(_VALUE.fullmatch(cell.strip()) for cell in row)


def column_names(header: Row) -> tuple[str, ...]:
    """Return one unique name per cell; raise `JobError` if there are too many."""
    if len(header) > MOST_COLUMNS:
        message = f"The table has {len(header):,} columns. The limit is {MOST_COLUMNS:,}."
        raise JobError(message)
    taken: set[str] = set()
    return tuple(_unique(_readable(cell, place), taken) for place, cell in enumerate(header, 1))


def numbered(width: int) -> tuple[str, ...]:
    """Return names for a table that has no header."""
    return column_names(("",) * width)


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_text(row: Row) -> bool:
    cells = [cell for cell in map(str.strip, row) if cell]
    return len(cells) <= 1 and not any(map(_VALUE.fullmatch, cells))


def _usual_width(rows: Sequence[Row]) -> int:
    widths = Counter(len(row) for row in rows if _filled(row))
    return max(widths, key=lambda width: (widths[width], width)) if widths else 0


def _rows_above(rows: Sequence[Row], usual: int) -> int:
    """Rows of titles and notes: much narrower than the table, or with a single cell."""
    if usual < 2:  # noqa: PLR2004
        return _comment_rows(rows)
    for place, row in enumerate(rows):
        is_narrow = len(row) < usual and 2 * _filled(row) <= usual
        is_title = _is_text(row) and any(_filled(later) > 1 for later in rows[place + 1 : place + 4])
        if not (is_narrow or is_title or row[0].startswith("#TYPE ")):
            return place if any(map(_filled, rows[place:])) else 0
    return 0


def _comment_rows(rows: Sequence[Row]) -> int:
    return next((place for place, row in enumerate(rows) if _filled(row) and not row[0].startswith("#TYPE ")), 0)


def _told_above(rows: Sequence[Row]) -> Note:
    lines = [" ".join(filter(None, map(str.strip, row))) for row in rows if _filled(row)]
    shown = " / ".join(line[:LONGEST_NAME] for line in lines[:NAMED_LINES])
    return Note("Above the table: %(lines)s", {"lines": f"{shown}{' / …' if len(lines) > NAMED_LINES else ''}"})


def _has_two_headers(body: Sequence[Row]) -> bool:
    """The first header has gaps or repeats a name, the second has words only, and numbers follow."""
    if len(body) < 3:  # noqa: PLR2004
        return False
    first, second, *rest = body
    if _filled(second) and all(_UNIT.fullmatch(cell.strip()) for cell in second if cell.strip()):
        return True
    is_group = len(first) > 2 and _filled(first) < len(first) - 1 and _filled(second) > _filled(first)  # noqa: PLR2004
    has_words = not any(_VALUE.fullmatch(cell) and not cell[0].isalpha() for cell in map(str.strip, second) if cell)
    return is_group and has_words and any(_VALUE.fullmatch(cell.strip()) for row in rest for cell in row)


def _merged(first: Row, second: Row) -> list[str]:
    """Return the names of both rows; the first one is carried on over gaps unless the second one is a unit."""
    names, carried = [], ""
    for place in range(max(len(first), len(second))):
        upper, lower = (row[place].strip() if place < len(row) else "" for row in (first, second))
        carried = upper or carried
        names.append(f"{upper if _UNIT.fullmatch(lower) else carried} {lower}".strip())
    return names


def _width(header: Row, body: Sequence[Row], usual: int) -> int:
    """Columns at the end whose name and cells are all blank are delimiters too many."""
    width = max(len(header), usual)
    while width > 1 and not any(len(row) >= width and row[width - 1].strip() for row in (header, *body)):
        width -= 1
    if width > len(header) and 2 * sum(len(row) >= width for row in body) <= len(body):
        return len(header)
    return max(width, len(header) if not body else 1)


def _readable(cell: str, place: int) -> str:
    return " ".join(cell.split())[:LONGEST_NAME] or f"Column {place}"


def _unique(name: str, taken: set[str]) -> str:
    unique, copy = name, 1
    while unique in taken:
        copy += 1
        unique = f"{name} ({copy})"
    taken.add(unique)
    return unique
