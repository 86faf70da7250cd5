"""The history as an XLSX workbook: rows go to a temporary file one by one; a full sheet is followed by another."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import BinaryIO

from xlsxwriter import Workbook

from webapp.jobtypes.job_history_export.cells import cells_of
from webapp.jobtypes.job_history_export.lines import Line

MOST_ROWS = 1_048_576  # of a sheet, the names of the columns included
_TEXT_STAYS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_WIDTH = 20


@contextmanager
def workbook(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[Line], None]]:
    """Give what adds a line; the file is written at the end of the block, not at all when it raises."""
    with TemporaryDirectory(prefix="deskjob-") as folder:
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder, **_TEXT_STAYS_TEXT})
        book.use_zip64()
        sheets = _Sheets(book, columns)
        try:
            yield lambda line: sheets.add(cells_of(line, columns))
            book.close()
        finally:
            sheets.release()


class _Sheets:
    def __init__(self, book: Workbook, columns: Sequence[str]) -> None:
        self._book = book
        self._columns = columns
        self._begin()

    def add(self, cells: Iterable[str | float]) -> None:
        if self._row == MOST_ROWS:
            self._begin()
        self._write(cells)

    def release(self) -> None:
        for sheet in self._book.worksheets():
            sheet._opt_close()  # noqa: SLF001  (a workbook that is given up has no other way to let its files go)

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
