"""The history as CSV: RFC 4180, in UTF-8."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import BinaryIO

from webapp.jobtypes.job_history_export.cells import cells_of
from webapp.jobtypes.job_history_export.lines import Line


@contextmanager
def csv_table(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[Line], None]]:
    """Give what adds a line; each is written at once."""
    file.write(_row(columns))
    yield lambda line: _write(file, cells_of(line, columns))


def _write(file: BinaryIO, cells: Iterable[object]) -> None:
    file.write(_row(cells))


def _row(cells: Iterable[object]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
