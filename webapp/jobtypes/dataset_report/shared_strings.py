"""The texts that cells of a workbook refer to by number, kept in a temporary file: there may be millions."""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from tempfile import TemporaryFile
from typing import IO

from webapp.jobs.job_type import JobError
from webapp.jobtypes.dataset_report.cell_text import CellText
from webapp.jobtypes.dataset_report.xml_events import Event

MOST = 10_000_000
CACHED = 4_096


@contextmanager
def shared_strings(events: Iterable[Event]) -> Iterator[Callable[[int], str]]:
    """Give a function from number to text; the file is gone afterwards, also when the process dies."""
    with TemporaryFile() as file:
        strings = _SharedStrings(file, events)
        yield lru_cache(CACHED)(strings.read)


class _SharedStrings:
    def __init__(self, file: IO[bytes], events: Iterable[Event]) -> None:
        self._file = file
        self._ends = array("Q", [0])
        for text in _texts(events):
            self._file.write(text.encode("utf-8", "replace"))
            self._ends.append(self._file.tell())
            _refuse_too_many(len(self._ends) - 1)
        self._file.flush()

    def read(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            message = f"The workbook is damaged: it refers to text {number:,}, which it does not hold."
            raise JobError(message)
        start, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file.fileno(), end - start, start).decode()


def _refuse_too_many(texts: int) -> None:
    if texts > MOST:
        message = f"The workbook holds more than {MOST:,} different texts; save the sheet as CSV."
        raise JobError(message)


def _texts(events: Iterable[Event]) -> Iterator[str]:
    text = CellText()
    for event in events:
        if event[:2] == ("end", "si"):
            yield text.finished()
        else:
            text.take(event)
