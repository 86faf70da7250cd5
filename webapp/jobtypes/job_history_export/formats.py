"""The formats of a job history export: CSV (RFC 4180, UTF-8), JSON Lines and XLSX.

Each is a context manager that yields a function to add a row, and holds no more than one row in memory.
CSV and XLSX cells are escaped, so that a spreadsheet does not run them as formulas. JSON Lines keeps every
text unchanged and gives diagnostics with their times.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from webapp.formula_escape import neutral
from webapp.jobtypes.job_history_export.rows import ExportRow
from webapp.jobtypes.tables.csv_output import csv_row

if TYPE_CHECKING:
    from xlsxwriter import Workbook

MOST_ROWS = 1_048_576  # of a sheet, including the header
_TEXT_STAYS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_WIDTH = 20


@contextmanager
def csv_table(
    file: BinaryIO, columns: Sequence[str], *, has_mark: bool = False
) -> Iterator[Callable[[ExportRow], None]]:
    """Yield a function that writes a row immediately."""
    file.write(csv_row(columns, marked=has_mark))

    def add(row: ExportRow) -> None:
        file.write(csv_row(cells_of(row, columns)))

    yield add


@contextmanager
def json_lines(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[ExportRow], None]]:
    """Yield a function that writes a row immediately."""

    def add(row: ExportRow) -> None:
        text = json.dumps({column: row[column] for column in columns}, ensure_ascii=False)
        file.write(text.encode("utf-8", "replace") + b"\n")

    yield add


@contextmanager
def workbook(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[ExportRow], None]]:
    """Yield a function that adds a row. The file is written at the end of the block, unless the block raises.

    Rows go to a temporary file; when a sheet is full, another one follows.
    """
    from xlsxwriter import Workbook  # noqa: PLC0415  (every process would keep its modules in memory)

    with TemporaryDirectory(prefix="deskjob-") as folder:
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder, **_TEXT_STAYS_TEXT})
        book.use_zip64()
        sheets = _Sheets(book, columns)
        try:
            yield lambda row: sheets.add(cells_of(row, columns))
            book.close()
        finally:
            sheets.release()


class _Sheets:
    def __init__(self, book: "Workbook", columns: Sequence[str]) -> None:
        self._book = book
        self._columns = columns
        self._begin()

    def add(self, cells: Iterable[str | float]) -> None:
        if self._row == MOST_ROWS:
            self._begin()
        self._write(cells)

    def release(self) -> None:
        for sheet in self._book.worksheets():
            sheet._opt_close()  # noqa: SLF001  (the only way to close the temporary files of an abandoned workbook)

    def _begin(self) -> None:
        number = len(self._book.worksheets()) + 1
        self._sheet = self._book.add_worksheet("Jobs" if number == 1 else f"Jobs {number}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._columns) - 1, _WIDTH)
        self._row = 0
        self._write(self._columns)

    def _write(self, cells: Iterable[str | float]) -> None:
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                self._sheet.write_string(self._row, column, cell)
            else:
                self._sheet.write_number(self._row, column, cell)
        self._row += 1


def cells_of(row: ExportRow, columns: Sequence[str]) -> Iterator[str | float]:
    """Yield the cells of a row: numbers unchanged, text escaped, None as empty text."""
    for column in columns:
        yield _cell(row[column])


def _cell(value: Any) -> str | float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        value = "\n".join(str(entry.get("text", "")) for entry in value)
    text = neutral("" if value is None else str(value))
    return text.encode("utf-8", "replace").decode()  # an unpaired surrogate cannot be written
