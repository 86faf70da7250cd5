"""Quantiles of a stream of numbers, in bounded memory (compactors, after Manku, Rajagopalan and Lindsay 1998)."""

from array import array
from collections.abc import Iterable


class Quantiles:
    """Levels of numbers; one on level n stands for 2**n numbers of the stream.

    A level that holds ``2 * buffer`` numbers is sorted, and every second one moves up: the odd and the even ones
    in turn, so that the errors cancel out. Ranks are off by less than levels / (2 * buffer), about 0.4 % of a
    hundred million rows, and usually by a tenth of that. Without a ``buffer`` nothing is ever given up.
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
