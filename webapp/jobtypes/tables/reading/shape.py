"""Find the table in the first rows of a file: what is written above it, its header and its width."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.dialect import Row, usual_width

MOST_COLUMNS = 16_384  # as many as a worksheet has
LONGEST_NAME = 200
NAMED_LINES = 3
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_UNIT = re.compile(r"[\[(].*[\])]")
_PLAIN_UNIT = re.compile(r"(?!n/?a$|nan$|null$|none$)[%‰°$€£¥Ω]?[^\W\d_]{0,6}(?:[/·][^\W_]{1,5})?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")
_VALUE = re.compile(r"[-+(]?[^\W\d_]{0,3}[\s$€£¥]*\d[\d.,:/'\s-]*(?:[%€$£]|[^\W\d_]{1,3})?\)?")
TOTAL = re.compile(
    r"((grand |sub-?)?totals?|sum(me)?|(zwischen|gesamt)(summe)?|insgesamt|totale|total général|suma|razem|"
    r"итого|всего|合計)\b:?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The table below ``above`` rows: ``headers`` rows of names, then rows of ``len(names)`` cells.

    ``left`` of it there are so many columns without a cell. ``has_notes_beside``: cells on its right are no columns.
    """

    left: int
    above: int
    headers: int
    names: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    has_notes_beside: bool = False
    lacks_first_name: bool = False

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)


def shape_of(rows: Sequence[Row], *, has_header: bool) -> Shape:
    """Return the shape of a table from its first rows, of which one has a value."""
    left = min(next(place for place, cell in enumerate(row) if cell.strip()) for row in rows if _filled(row))
    rows = [row[left:] for row in rows]
    usual = usual_width(rows)
    above = _rows_above(rows, usual)
    body = [row for row in rows[above:] if any(map(str.strip, row))]
    notes = [_told_above(rows[:above])] if any(map(_filled, rows[:above])) else []
    if not has_header:
        return Shape(left=left, above=above, headers=0, names=column_names([""] * max(usual, 1)), notes=tuple(notes))
    headers = 2 if _has_two_headers(body) else 1
    header = [*(_merged(body[0], body[1]) if headers == 2 else body[0])]  # noqa: PLR2004
    lacks_first_name = _lacks_first_name(header, body[headers:], usual)
    if lacks_first_name:
        header = ["", *header]
        notes.append(Note("The header has a name less than the rows have fields. The first column got no name."))
    if headers == 1 and len(body) > 1 and all(_NUMBER.fullmatch(cell.strip()) for cell in header if cell.strip()):
        notes.append(Note("The first row was taken for the header, but it looks like data."))
    width = _width(header, body[headers:], usual)
    if width < max(usual, len(header)):
        notes.append(Note("Every row ends with a delimiter, which is no column."))
    if headers > 1:
        notes.append(Note("The header has two rows. Their names were joined."))
    names = column_names([*header, *[""] * width][:width])
    beside = _columns_beside(names, header, body[headers:])
    return Shape(
        left=left,
        above=above,
        headers=headers,
        names=names[: len(names) - beside],
        notes=tuple(notes),
        has_notes_beside=beside > 0,
        lacks_first_name=lacks_first_name,
    )


def is_total(row: Row) -> bool:
    """Whether a last row adds up the rows above it, by its first cell that is not blank."""
    first = next(filter(None, map(str.strip, row)), "")
    return bool(TOTAL.match(first)) and any(_VALUE.fullmatch(cell.strip()) for cell in row)


def column_names(header: Row) -> tuple[str, ...]:
    """Return one unique name per cell; raise `JobError` if there are too many."""
    if len(header) > MOST_COLUMNS:
        message = f"The table has {len(header):,} columns. The limit is {MOST_COLUMNS:,}."
        raise JobError(message)
    taken: dict[str, int] = {}
    return tuple(_unique(_readable(cell, place), taken) for place, cell in enumerate(header, 1))


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_text(row: Row) -> bool:
    cells = [cell for cell in map(str.strip, row) if cell]
    return len(cells) <= 1 and not any(map(_VALUE.fullmatch, cells))


def _rows_above(rows: Sequence[Row], usual: int) -> int:
    """Rows of titles and notes: much narrower than the table, or with a single cell."""
    if usual < 2:  # noqa: PLR2004
        return _comment_rows(rows)
    for place, row in enumerate(rows):
        is_narrow = len(row) < usual and 2 * _filled(row) <= usual and not _is_group(row)
        is_title = _is_text(row) and any(_filled(later) > 1 for later in rows[place + 1 : place + 4])
        if not (is_narrow or is_title or row[0].startswith("#TYPE ")):
            return max(place, _details_above(rows, usual)) if any(map(_filled, rows[place:])) else 0
    return 0


def _details_above(rows: Sequence[Row], usual: int) -> int:
    """Rows such as ``Account;DE02…;;`` or ``Printed by: Ida`` above a header that has a name for every column."""
    for place, row in enumerate(rows):
        cells = [*map(str.strip, row)]
        filled = _filled(row)
        if len(row) == filled == usual and not any(map(_VALUE.fullmatch, cells)):
            above = [*filter(_filled, rows[:place])]
            return place if above and (len(above) < place or any(map(_is_detail, above))) else 0
        if filled >= usual or not all(cells[:filled]) or any(map(_NUMBER.fullmatch, cells[:1])):
            return 0
    return 0


def _is_detail(row: Row) -> bool:
    first, *others = map(str.strip, row)
    return first.endswith(":") or (not _NUMBER.fullmatch(first) and any(map(_VALUE.fullmatch, others)))


def _is_group(row: Row) -> bool:
    """Whether a row has names of several groups of columns, and none for the first column."""
    return _filled(row) > 1 and not row[0].strip()


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
    if _has_units(second, rest) and not any(map(_VALUE.fullmatch, first)):
        return True
    is_group = len(first) > 2 and _filled(first) < len(first) - 1 and _filled(second) > _filled(first)  # noqa: PLR2004
    has_words = not any(_VALUE.fullmatch(cell) and not cell[0].isalpha() for cell in map(str.strip, second) if cell)
    return is_group and has_words and any(_VALUE.fullmatch(cell.strip()) for row in rest for cell in row)


def _has_units(second: Row, rest: Sequence[Row]) -> bool:
    """Whether a row has units, such as ``s`` and ``°C``, above columns of numbers."""
    places = [place for place, cell in enumerate(second) if cell.strip()]
    return len(places) > 1 and all(
        _PLAIN_UNIT.fullmatch(second[place].strip())
        and all(_NUMBER.fullmatch(row[place].strip()) for row in rest if len(row) > place)
        for place in places
    )


def _lacks_first_name(header: Row, body: Sequence[Row], usual: int) -> bool:
    """Whether the first column has no name, as in tables that R writes: every row is full, and its first cell new."""
    if len(header) != usual - 1 or len(body) < 2 or not all(map(str.strip, header)):  # noqa: PLR2004
        return False
    firsts = {row[0] for row in body if len(row) == usual and row[-1].strip()}
    return len(firsts) == len(body)


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


def _columns_beside(names: Sequence[str], header: Row, body: Sequence[Row]) -> int:
    """Return how many columns have a few notes only, behind a column without any cell."""
    rows = [header, *body]
    filled = [sum(len(row) > place and bool(row[place].strip()) for row in rows) for place in range(len(names))]
    gap = next((place for place, cells in enumerate(filled) if not cells), 0)
    has_notes = gap > 1 and all(2 * cells <= len(rows) for cells in filled[gap:])
    return len(names) - gap if has_notes else 0


def _readable(cell: str, place: int) -> str:
    return " ".join(cell.split()).strip(_INVISIBLE)[:LONGEST_NAME] or f"Column {place}"


def _unique(name: str, taken: dict[str, int]) -> str:
    """Return the name, with a number if it is taken; of each name, the last number is kept: thousands can be equal."""
    unique, copy = name, taken.get(name, 1)
    while unique in taken:
        copy += 1
        unique = f"{name} ({copy})"
    taken[name] = copy
    taken.setdefault(unique, 1)
    return unique
