"""Quantiles and histogram of weighted numbers."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, isfinite, log2

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
    """Return bars, or None where there is nothing to compare. ``whole`` numbers get a bar each when they are few."""
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
