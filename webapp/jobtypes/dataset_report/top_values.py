"""The most frequent values, in bounded memory (Misra and Gries, in the mergeable form of Agarwal et al. 2012)."""

from collections import Counter
from collections.abc import Iterable, Mapping

SLACK = 4


class TopValues:
    """Counts that are never too high, and too low by at most `shortfall`."""

    def __init__(self, candidates: int) -> None:
        self._candidates = candidates
        self._counts: Counter[str] = Counter()
        self.shortfall = 0

    def add(self, values: Iterable[str]) -> None:
        """Count more values."""
        self._counts.update(values)
        self._forget_rare_ones()

    def add_counted(self, counts: Mapping[str, int]) -> None:
        """Count values that were counted before."""
        self._counts.update(counts)
        self._forget_rare_ones()

    def most_common(self, number: int) -> list[tuple[str, int]]:
        """Return the values that are certainly more frequent than what was forgotten, most frequent first."""
        return [(value, count) for value, count in self._counts.most_common(number) if count > self.shortfall]

    def _forget_rare_ones(self) -> None:
        if len(self._counts) <= SLACK * self._candidates:
            return
        floor = sorted(self._counts.values())[-self._candidates - 1]
        kept = {value: count - floor for value, count in self._counts.items() if count > floor}
        self._counts = Counter(kept)
        self.shortfall += floor
