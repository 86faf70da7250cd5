"""Histograms of durations with fixed buckets, so that they can be added up, and their percentiles. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Self

_FACTORS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
BOUNDS = tuple(
    round(factor * 10**power, 6) for power in range(-2, 6) for factor in _FACTORS
)  # seconds, 10 ms to 8 days
UNKNOWN_BUCKET = -1  # the bucket of unknown durations
MIN_SAMPLES = 20  # with fewer samples a percentile is not reliable


@dataclass(frozen=True, slots=True)
class DurationHistogram:
    """How many durations fell into each bucket: bucket n ends at ``BOUNDS[n]``, the last one has no end."""

    counts: Mapping[int, int]

    @classmethod
    def sum_of(cls, histograms: Iterable["DurationHistogram"]) -> Self:
        """Return the histogram of all durations of several ones."""
        counts: Counter[int] = Counter()
        for histogram in histograms:
            counts.update(histogram.counts)
        return cls(counts)

    @property
    def samples(self) -> int:
        """The number of known durations."""
        return sum(self.counts.values())

    @property
    def is_small_sample(self) -> bool:
        """Whether there are too few samples for a reliable percentile."""
        return self.samples < MIN_SAMPLES

    def percentile(self, share: float) -> timedelta | None:
        """Return the duration that ``share`` (0.0 to 1.0) of them did not exceed; ``None`` without samples."""
        if not self.samples:
            return None
        rank = share * self.samples
        buckets = sorted(self.counts)
        sums = accumulate(self.counts[bucket] for bucket in buckets)
        bucket, reached = next((bucket, total) for bucket, total in zip(buckets, sums, strict=True) if total >= rank)
        position = 1 - (reached - rank) / self.counts[bucket]  # interpolated within the bucket
        low, high = _ends(bucket)
        return timedelta(seconds=low + (high - low) * position)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    return next((bucket for bucket, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))


def _ends(bucket: int) -> tuple[float, float]:
    low = BOUNDS[bucket - 1] if bucket else 0.0
    return low, BOUNDS[bucket] if bucket < len(BOUNDS) else low
