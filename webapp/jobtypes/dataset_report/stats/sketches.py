"""Sketches, which estimate statistics of a stream in bounded memory.

- Distinct values: the smallest hashes (a bottom-k sketch).
- Frequent values: Misra and Gries, in the mergeable form of Agarwal et al. 2012.
- Quantiles: compactors, after Manku, Rajagopalan and Lindsay 1998.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping

LOWEST, HASH_SPACE = -(2**63), 2**64


class DistinctCount:
    """Exact up to ``hashes`` different values, then an estimate; the standard error is 1 / sqrt(hashes).

    Every hash below a limit is kept; when there are too many the limit goes down. Built-in `hash` of text is a
    keyed 64-bit SipHash, so no file can be crafted to fool it, and estimates differ a little between runs.
    """

    def __init__(self, hashes: int) -> None:
        self._hashes = hashes
        self._limit = LOWEST + HASH_SPACE
        self._kept: set[int] = set()

    def add(self, values: Iterable[str]) -> None:
        """Take more values, in any order, repeated or not."""
        self._kept.update(filter(self._limit.__gt__, map(hash, values)))
        if len(self._kept) > 2 * self._hashes:
            ordered = sorted(self._kept)
            self._limit = ordered[self._hashes]
            self._kept = set(ordered[: self._hashes])

    @property
    def exact(self) -> bool:
        """Whether nothing was left out yet."""
        return self._limit == LOWEST + HASH_SPACE

    def estimate(self) -> int:
        """Return the number of different values."""
        return round(len(self._kept) * HASH_SPACE / (self._limit - LOWEST))


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
        """Return the values that are certainly more frequent than any dropped value, most frequent first."""
        return [(value, count) for value, count in self._counts.most_common(number) if count > self.shortfall]

    def _forget_rare_ones(self) -> None:
        if len(self._counts) <= SLACK * self._candidates:
            return
        floor = sorted(self._counts.values())[-self._candidates - 1]
        kept = {value: count - floor for value, count in self._counts.items() if count > floor}
        self._counts = Counter(kept)
        self.shortfall += floor


class Quantiles:
    """Levels of numbers; one on level n stands for 2**n numbers of the stream.

    A level that holds ``2 * buffer`` numbers is sorted, and every second one moves up: the odd and the even ones
    in turn, so that the errors cancel out. Ranks are off by less than levels / (2 * buffer), about 0.4 % of a
    hundred million rows, and usually by a tenth of that. Without a ``buffer`` nothing is dropped.
    """

    def __init__(self, buffer: int | None = None) -> None:
        self._capacity = 2 * buffer if buffer else None
        self._levels: list[array[float]] = []
        self._turn = 0
        self.exact = True

    def add(self, numbers: Iterable[float]) -> None:
        """Take more numbers."""
        self._level(0).extend(numbers)
        self._compact()

    def add_weighted(self, number: float, weight: int) -> None:
        """Take one number that occurs ``weight`` times."""
        for level in range(weight.bit_length()):
            if weight >> level & 1:
                self._level(level).append(number)

    def points(self) -> list[tuple[float, int]]:
        """Return pairs of number and weight, ascending; the weights sum up to the count of all numbers."""
        return sorted((number, 1 << level) for level, numbers in enumerate(self._levels) for number in numbers)

    def _level(self, level: int) -> "array[float]":
        while len(self._levels) <= level:
            self._levels.append(array("d"))
        return self._levels[level]

    def _compact(self) -> None:
        level = 0
        while self._capacity and level < len(self._levels):
            if len(self._levels[level]) >= self._capacity:
                self._promote_half(level)
            level += 1

    def _promote_half(self, level: int) -> None:
        ordered = sorted(self._levels[level])
        left_over = array("d", [ordered.pop()] if len(ordered) % 2 else [])
        self._level(level + 1).extend(ordered[self._turn :: 2])
        self._turn = 1 - self._turn
        self._levels[level] = left_over
        self.exact = False
