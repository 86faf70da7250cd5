"""What the present values of a column measure: their kinds, numbers, dates and lengths."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from webapp.jobtypes.dataset_report.dates import all_seconds_of, has_time
from webapp.jobtypes.dataset_report.kinds import DATED, NUMERIC, Kind, kind_of
from webapp.jobtypes.dataset_report.numbers import is_whole, numbers_of
from webapp.jobtypes.dataset_report.spread import Spread

PERHAPS_NO_TEXT = re.compile(r"^[+-]?\.?\d[\d.,eE:/TZ +-]*$", re.MULTILINE | re.ASCII)
EXAMPLES = 5


class Measures:
    """Takes batches as fast as built-in functions allow; only mixed ones are looked at value by value."""

    def __init__(self, buffer: int | None = None, *, day_first: bool = False) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.numbers = Spread(buffer)
        self.dates = Spread(buffer)
        self.text_examples: list[str] = []
        self._day_first = day_first

    def add(self, values: Sequence[str]) -> None:
        """Take a batch of values, none of them blank."""
        joined = "\n".join(values)
        if (numbers := numbers_of(values, joined)) is not None:
            self.kinds[Kind.INTEGER if is_whole(joined) else Kind.NUMBER] += len(values)
            self.numbers.add(numbers)
        elif (seconds := all_seconds_of(values)) is not None:
            self.kinds[Kind.DATETIME if has_time(joined) else Kind.DATE] += len(values)
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
        self.kinds[Kind.TEXT] += len(values) - len(likely)
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
