"""A CSV file that is created only if there are rows to write."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import BinaryIO, Self

from webapp.formula_escape import neutral
from webapp.jobs import JobCancelled, JobContext
from webapp.jobtypes.tables.csv_output import csv_row


class LazyCsv:
    """Opens the file for the first row and keeps it at the end of the block, even if the job is stopped."""

    def __init__(self, job: JobContext, name: str, header: Sequence[str], *, has_mark: bool = False) -> None:
        self._job = job
        self._name = name
        self._header = header
        self._has_mark = has_mark
        self._opening: AbstractContextManager[BinaryIO] | None = None
        self._file: BinaryIO | None = None
        self.count = 0

    def add(self, *cells: object) -> None:
        """Write a row; cells that a spreadsheet would run as a formula are escaped."""
        if self._file is None:
            self._opening = self._job.open_attachment(self._name, "text/csv")
            self._file = self._opening.__enter__()
            self._file.write(csv_row(self._header, marked=self._has_mark))
        self._file.write(csv_row(neutral("" if cell is None else str(cell)) for cell in cells))
        self.count += 1

    def __enter__(self) -> Self:
        """Return the file without opening it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the file, unless the job failed."""
        if self._opening is None:
            return
        if kind is not None and issubclass(kind, JobCancelled):
            self._opening.__exit__(None, None, None)
        else:
            self._opening.__exit__(kind, error, trace)
