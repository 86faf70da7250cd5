"""Read a table batch by batch, and add every valid row to the statistics of the columns."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from webapp.jobtypes.dataset_report.reading.rows import BadRows, Batch, Table, column_names, numbered, sound_rows
from webapp.jobtypes.dataset_report.stats.column import Column
from webapp.jobtypes.dataset_report.stats.precision import precision_for

Cells = Sequence[Sequence[str]]


class Survey:
    """The statistics of all columns, which grow with each batch."""

    def __init__(self, table: Table, *, has_header: bool, missing_words: frozenset[str]) -> None:
        self._table = table
        self._has_header = has_header
        self.names = column_names(table.first) if has_header else numbered(len(table.first))
        precision = precision_for(len(self.names))
        self.columns = tuple(Column(name, precision, missing_words) for name in self.names)
        self.rows = 0

    def walk(self, bad_rows: BadRows, write: Callable[[Cells], None]) -> Iterator[Batch]:
        """Yield each batch after adding its rows; ``write`` gets the stripped cells, column by column."""
        for batch in self._batches():
            rows = sound_rows(batch, len(self.names), bad_rows)
            if rows:
                cells = [list(map(str.strip, column)) for column in zip(*rows, strict=True)]
                self._take(cells)
                write(cells)
            yield batch

    def _batches(self) -> Iterator[Batch]:
        if self._has_header:
            return self._table.batches
        first = Batch(rows=[self._table.first], lines=[self._table.first_line], bytes_read=0)
        return chain([first], self._table.batches)

    def _take(self, cells: Cells) -> None:
        self.rows += len(cells[0])
        for column, values in zip(self.columns, cells, strict=True):
            column.add(values)


@contextmanager
def without_cycle_collection() -> Iterator[None]:
    """Disable the garbage collector: rows have no reference cycles, and looking for them takes a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
