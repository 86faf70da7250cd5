"""The statistics of a column: exact while it has few different values, estimated after that."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse, islice

from webapp.jobtypes.dataset_report.stats.distribution import Lengths, RunningStats
from webapp.jobtypes.dataset_report.stats.precision import Precision
from webapp.jobtypes.dataset_report.stats.sketches import DistinctCount, TopValues
from webapp.jobtypes.dataset_report.stats.value_kinds import (
    DATED,
    NUMERIC,
    ValueKind,
    all_seconds_of,
    has_time,
    is_whole,
    kind_of,
    numbers_of,
    reads_day_first,
)


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


PERHAPS_NO_TEXT = re.compile(r"^[+-]?\.?\d[\d.,eE:/TZ +-]*$", re.MULTILINE | re.ASCII)
EXAMPLES = 5


class Measures:
    """Processes batches with built-in functions, which are fast; only mixed batches are read value by value."""

    def __init__(self, buffer: int | None = None, *, day_first: bool = False) -> None:
        self.kinds: Counter[ValueKind] = Counter()
        self.numbers = RunningStats(buffer)
        self.dates = RunningStats(buffer)
        self.text_examples: list[str] = []
        self._day_first = day_first

    def add(self, values: Sequence[str]) -> None:
        """Take a batch of values, none of them blank."""
        joined = "\n".join(values)
        if (numbers := numbers_of(values, joined)) is not None:
            self.kinds[ValueKind.INTEGER if is_whole(joined) else ValueKind.NUMBER] += len(values)
            self.numbers.add(numbers)
        elif (seconds := all_seconds_of(values)) is not None:
            self.kinds[ValueKind.DATETIME if has_time(joined) else ValueKind.DATE] += len(values)
            self.dates.add(seconds)
        else:
            self._add_mixed(values, joined)

    def add_counted(self, counts: Mapping[str, int]) -> None:
        """Take different values, each with the number of times it occurs."""
        for value, count in counts.items():
            kind, number = kind_of(value, day_first=self._day_first)
            self.kinds[kind] += count
            if kind in NUMERIC:
                self.numbers.add_weighted(number, count)
            elif kind in DATED:
                self.dates.add_weighted(number, count)
            else:
                self._remember(value)

    def _add_mixed(self, values: Sequence[str], joined: str) -> None:
        if joined.count("\n") != len(values) - 1:
            joined = "\n".join(value.replace("\n", " ") for value in values)
        likely = PERHAPS_NO_TEXT.findall(joined)
        self.kinds[ValueKind.TEXT] += len(values) - len(likely)
        self.add_counted(Counter(likely))
        for value in values[: 0 if self._examples_full else None]:
            if not PERHAPS_NO_TEXT.fullmatch(value):
                self._remember(value)

    @property
    def _examples_full(self) -> bool:
        return len(self.text_examples) >= EXAMPLES

    def _remember(self, value: str) -> None:
        if not self._examples_full and value not in self.text_examples:
            self.text_examples.append(value)


LONGEST_SHOWN = 200


class Sketched:
    """The same statistics, from sketches: counts of rows, extremes and means stay exact."""

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
        """Return the values that are certainly frequent, with counts that may be slightly too low."""
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
