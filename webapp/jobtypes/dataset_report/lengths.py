"""How long the values of a column are, in characters."""

from collections.abc import Iterable, Sequence


class Lengths:
    """The shortest, the longest and the sum."""

    def __init__(self) -> None:
        self.count = self.total = self.longest = 0
        self.shortest: int | None = None

    def add(self, lengths: Sequence[int]) -> None:
        """Take the lengths of a batch, which is not empty."""
        self.count += len(lengths)
        self.total += sum(lengths)
        self._stretch(min(lengths), max(lengths))

    def add_counted(self, lengths: Iterable[tuple[int, int]]) -> None:
        """Take pairs of a length and the number of values that have it."""
        for length, count in lengths:
            self.count += count
            self.total += length * count
            self._stretch(length, length)

    @property
    def mean(self) -> float | None:
        """The average, None without values."""
        return self.total / self.count if self.count else None

    def _stretch(self, shortest: int, longest: int) -> None:
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = max(self.longest, longest)
