"""One column while it is read: every different value counted while they are few, estimates from then on."""

from collections.abc import Sequence
from itertools import filterfalse

from webapp.jobtypes.dataset_report.counted import Counted
from webapp.jobtypes.dataset_report.precision import Precision
from webapp.jobtypes.dataset_report.sketched import Sketched


class Column:
    """Takes the stripped cells of one column, batch by batch."""

    def __init__(self, name: str, precision: Precision, missing_words: frozenset[str]) -> None:
        self.name = name
        self.missing = 0
        self.values: Counted | Sketched = Counted(precision)
        self._precision = precision
        self._missing_words = missing_words

    def add(self, cells: Sequence[str]) -> None:
        """Take the next cells."""
        present = self._present(cells)
        self.missing += len(cells) - len(present)
        if not present:
            return
        self.values.add(present)
        if isinstance(self.values, Counted) and self.values.full:
            self.values = self.values.sketched()

    def _present(self, cells: Sequence[str]) -> Sequence[str]:
        if self._missing_words.isdisjoint(cells):
            return cells
        return list(filterfalse(self._missing_words.__contains__, cells))
