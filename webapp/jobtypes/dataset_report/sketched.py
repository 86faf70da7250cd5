"""The values of a column that has too many different ones to keep."""

from collections import Counter
from collections.abc import Sequence

from webapp.jobtypes.dataset_report.distinct import DistinctCount
from webapp.jobtypes.dataset_report.lengths import Lengths
from webapp.jobtypes.dataset_report.measures import Measures
from webapp.jobtypes.dataset_report.precision import Precision
from webapp.jobtypes.dataset_report.top_values import TopValues

LONGEST_SHOWN = 200


class Sketched:
    """The same questions answered from sketches: counts of rows, extremes and means stay exact."""

    exact = False

    def __init__(self, precision: Precision, *, day_first: bool) -> None:
        self._distinct = DistinctCount(precision.hashes)
        self._top = TopValues(precision.candidates)
        self._measures = Measures(precision.buffer, day_first=day_first)
        self._lengths = Lengths()

    def add(self, values: Sequence[str]) -> None:
        """Take more values, none of them missing."""
        self._distinct.add(values)
        lengths = list(map(len, values))
        self._lengths.add(lengths)
        if max(lengths) > LONGEST_SHOWN:
            values = list(map(shortened, values))
        self._top.add(values)
        self._measures.add(values)

    def add_counted(self, counts: Counter[str]) -> None:
        """Take values that were counted before."""
        self._distinct.add(counts)
        self._lengths.add_counted((len(value), count) for value, count in counts.items())
        short = Counter[str]()
        for value, count in counts.items():
            short[shortened(value)] += count
        self._top.add_counted(short)
        self._measures.add_counted(short)

    def distinct(self) -> int:
        """Return about how many different values there are."""
        return self._distinct.estimate()

    def top(self, number: int) -> list[tuple[str, int]]:
        """Return the values that are surely frequent, with counts that may be a little low."""
        return self._top.most_common(number)

    def measures(self) -> Measures:
        """Return kinds, numbers and dates."""
        return self._measures

    def lengths(self) -> Lengths:
        """Return how long the values are."""
        return self._lengths


def shortened(value: str) -> str:
    """Return the value, or as much of it as a report can show."""
    return value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…"
