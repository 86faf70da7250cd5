"""A CSV file that is created only if there are rows to write."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from webapp.formula_escape import neutral
from webapp.jobs import JobCancelled, JobContext
from webapp.jobtypes.tables.csv_output import csv_row


class LazyCsv:
    """Opens the file for the first row."""

    def __init__(self, job: JobContext, name: str, header: bytes, opened: ExitStack) -> None:
        self._job = job
        self._name = name
        self._header = header
        self._opened = opened
        self._file: BinaryIO | None = None
        self.count = 0

    def add(self, *cells: object) -> None:
        """Write a row; cells that a spreadsheet would run as a formula are escaped."""
        if self._file is None:
            self._file = self._opened.enter_context(self._job.open_attachment(self._name, "text/csv"))
            self._file.write(self._header)
        self._file.write(csv_row(neutral("" if cell is None else str(cell)) for cell in cells))
        self.count += 1


@contextmanager
def lazy_csv(job: JobContext, name: str, header: Sequence[str], *, has_mark: bool = False) -> Iterator[LazyCsv]:
    """Keep the file at the end of the block, even if the job is stopped, unless it failed."""
    with ExitStack() as opened:
        try:
            yield LazyCsv(job, name, csv_row(header, marked=has_mark), opened)
        except JobCancelled:
            opened.close()
            raise
