"""The values of a column while they are few."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from webapp.jobtypes.dataset_report.dates import reads_day_first
from webapp.jobtypes.dataset_report.lengths import Lengths
from webapp.jobtypes.dataset_report.measures import Measures
from webapp.jobtypes.dataset_report.precision import Precision
from webapp.jobtypes.dataset_report.sketched import Sketched, shortened


class Counted:
    """Every different value with its count: all figures are exact."""

    exact = True

    def __init__(self, precision: Precision) -> None:
        self.counts: Counter[str] = Counter()
        self._characters = 0
        self._precision = precision

    def add(self, values: Iterable[str]) -> None:
        """Count more values, none of them missing."""
        known = len(self.counts)
        self.counts.update(values)
        self._characters += sum(map(len, islice(self.counts, known, None)))

    @property
    def full(self) -> bool:
        """Whether this takes more memory than one column may."""
        most = self._precision
        return len(self.counts) > most.exact_values or self._characters > most.exact_characters

    def sketched(self) -> Sketched:
        """Return the same values in bounded memory."""
        sketched = Sketched(self._precision, day_first=reads_day_first(self.counts))
        sketched.add_counted(self.counts)
        return sketched

    def distinct(self) -> int:
        """Return the number of different values."""
        return len(self.counts)

    def top(self, number: int) -> list[tuple[str, int]]:
        """Return the most frequent values, most frequent first."""
        return [(shortened(value), count) for value, count in self.counts.most_common(number)]

    def measures(self) -> Measures:
        """Return kinds, numbers and dates."""
        measures = Measures(day_first=reads_day_first(self.counts))
        measures.add_counted(self.counts)
        return measures

    def lengths(self) -> Lengths:
        """Return how long the values are."""
        lengths = Lengths()
        lengths.add_counted((len(value), count) for value, count in self.counts.items())
        return lengths
