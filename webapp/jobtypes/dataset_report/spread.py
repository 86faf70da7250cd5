"""Where the numbers of a column lie: count, extremes, mean and deviation exactly, quantiles by sketch."""

from collections.abc import Sequence
from math import inf, isfinite, sqrt
from operator import mul

from webapp.jobtypes.dataset_report.quantiles import Quantiles


class Spread:
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
