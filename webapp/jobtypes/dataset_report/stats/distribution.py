"""The distribution of numbers: quantiles, histogram, mean and deviation; and the lengths of values."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, inf, isfinite, log2, sqrt
from operator import mul

from webapp.jobtypes.dataset_report.stats.sketches import Quantiles

MOST_BARS = 30
FEWEST_BARS = 8

Points = Sequence[tuple[float, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Bars of equal width between ``low`` and ``high``; both ends belong to a bar."""

    low: float
    high: float
    counts: tuple[int, ...]


def quantiles(points: Points, shares: Sequence[float]) -> tuple[float, ...]:
    """Return one number per share (0 to 1), linear between neighbours; ``points`` ascend and are not empty."""
    ranks = list(accumulate(weight for _, weight in points))
    return tuple(_at_rank(points, ranks, share * (ranks[-1] - 1)) for share in shares)


def histogram(points: Points, *, whole: bool) -> Histogram | None:
    """Return bars, or None if all numbers are equal or too far apart. A few ``whole`` numbers get a bar each."""
    low, high = points[0][0], points[-1][0]
    if low == high or not isfinite(high - low):
        return None
    if whole and high - low < MOST_BARS:
        low, high = low - 0.5, high + 0.5
        return _filled(points, low, high, round(high - low))
    bars = ceil(log2(sum(weight for _, weight in points))) + 1  # Sturges; more for many rows
    return _filled(points, low, high, max(FEWEST_BARS, min(MOST_BARS, 2 * bars)))


def _at_rank(points: Points, ranks: Sequence[int], rank: float) -> float:
    below = int(rank)
    lower = points[bisect_right(ranks, below)][0]
    upper = points[min(bisect_right(ranks, below + 1), len(points) - 1)][0]
    return lower + (upper - lower) * (rank - below) if lower != upper else lower


def _filled(points: Points, low: float, high: float, bars: int) -> Histogram:
    counts = [0] * bars
    scale = bars / (high - low)
    for number, weight in points:
        counts[min(bars - 1, int((number - low) * scale))] += weight
    return Histogram(low=low, high=high, counts=tuple(counts))


class RunningStats:
    """Takes numbers in batches; mean and deviation are merged by Chan's formula, which does not cancel."""

    def __init__(self, buffer: int | None = None) -> None:
        self.quantiles = Quantiles(buffer)
        self.count = 0
        self.low, self.high = inf, -inf
        self.mean = 0.0
        self._squares = 0.0

    def add(self, numbers: Sequence[float]) -> None:
        """Take a batch, which is not empty."""
        mean = sum(numbers) / len(numbers)
        away = [number - mean for number in numbers]
        self._merge(len(numbers), mean, sum(map(mul, away, away)))
        self._stretch(min(numbers), max(numbers))
        self.quantiles.add(numbers)

    def add_weighted(self, number: float, weight: int) -> None:
        """Take one number that occurs ``weight`` times."""
        self._merge(weight, number, 0.0)
        self._stretch(number, number)
        self.quantiles.add_weighted(number, weight)

    @property
    def deviation(self) -> float | None:
        """The sample's standard deviation; None for fewer than two numbers, or beyond what a float holds."""
        if self.count < 2 or not isfinite(self._squares):  # noqa: PLR2004 - the definition's own number
            return None
        return sqrt(self._squares / (self.count - 1))

    def _merge(self, count: int, mean: float, squares: float) -> None:
        together = self.count + count
        apart = mean - self.mean
        self.mean += apart * (count / together)
        self._squares += squares + apart * apart * (self.count * (count / together))
        self.count = together

    def _stretch(self, low: float, high: float) -> None:
        self.low = min(self.low, low)
        self.high = max(self.high, high)


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
