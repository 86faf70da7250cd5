"""Rows of a CSV file for a page: the first ones, sorted by a column. Pure."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace

from webapp.formula_escape import without_escape
from webapp.jobs.model.incoming_text import visible_text

ROWS_READ = 5000  # which can be sorted
COLUMNS_SHOWN = 40
_CELL = 300  # characters
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """The column by which rows are sorted, from 0, and whether the largest come first."""

    column: int
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The first rows of a table; ``count`` is how many were read, all of them if ``complete``."""

    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int
    complete: bool
    more_columns: int = 0

    def sorted_by(self, sorting: Sorting | None) -> "TableRows":
        """Return the rows in another order; numbers by their size, empty cells last."""
        if sorting is None or not 0 <= sorting.column < len(self.columns):
            return self
        at, numeric = sorting.column, self.numeric[sorting.column]
        filled = [row for row in self.rows if row[at]]
        empty = [row for row in self.rows if not row[at]]

        def place(row: tuple[str, ...]) -> tuple[float, str]:
            return (float(row[at]), "") if numeric else (0.0, row[at].casefold())

        return replace(self, rows=(*sorted(filled, key=place, reverse=sorting.descending), *empty))

    def first(self, count: int) -> "TableRows":
        """Return the first rows only."""
        return replace(self, rows=self.rows[:count])


def read_table(head: bytes, *, complete: bool) -> TableRows | None:
    """Read the beginning of a CSV file; ``complete`` if it is the whole. None if it is no table."""
    text = head.decode("utf-8-sig", "replace")
    if not complete:
        text = text[: text.rfind("\n") + 1]
    delimiter = _delimiter(text)
    found = _read(text, delimiter)
    if not found or not any(found[0]):
        return None
    names, rows = found[0], [row for row in found[1 : ROWS_READ + 1] if row]
    columns = tuple(_shown(name) for name in names[:COLUMNS_SHOWN])
    cells = tuple(tuple(map(_shown, _padded(row, len(columns)))) for row in rows)
    return TableRows(
        columns=columns,
        numeric=tuple(_is_numeric([row[at] for row in cells]) for at in range(len(columns))),
        rows=cells,
        count=len(cells),
        complete=complete and len(found) <= ROWS_READ + 1,
        more_columns=len(names) - len(columns),
    )


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _read(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            rows.append(row)
            if len(rows) > ROWS_READ + 1:
                break
    except csv.Error:  # a field that is larger than the limit of the module
        return rows
    return rows


def _padded(row: list[str], width: int) -> list[str]:
    return (row + [""] * (width - len(row)))[:width]


def _shown(cell: str) -> str:
    cell = visible_text(without_escape(cell))
    return cell if len(cell) <= _CELL else cell[: _CELL - 1] + "…"


def _is_numeric(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(_is_number, filled))


def _is_number(cell: str) -> bool:
    if not cell[-1].isdigit() and cell[-1] != ".":  # no "nan", no "inf"
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
