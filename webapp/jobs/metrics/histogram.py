"""Durations as histograms of fixed steps, so that they can be added up; a percentile is read from them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
BOUNDS = tuple(round(step * 10**power, 6) for power in range(-2, 6) for step in _STEPS)  # seconds, 10 ms to 8 days
UNKNOWN_BUCKET = -1  # the bucket of a duration that nobody can tell
MIN_SAMPLES = 20  # samples: fewer than these say little


@dataclass(frozen=True, slots=True)
class DurationHistogram:
    """How many durations were in each step: step n ends at ``BOUNDS[n]``, the one after the last has no end."""

    counts: Mapping[int, int]

    @property
    def samples(self) -> int:
        """How many durations are known."""
        return sum(self.counts.values())

    @property
    def is_small_sample(self) -> bool:
        """Whether a percentile of them says little."""
        return self.samples < MIN_SAMPLES

    def percentile(self, share: float) -> timedelta | None:
        """Return what ``share`` (0.0 to 1.0) of them did not exceed, within a step; ``None`` if there are none."""
        if not self.samples:
            return None
        wanted = share * self.samples
        steps = sorted(self.counts)
        sums = accumulate(self.counts[step] for step in steps)
        step, reached = next((step, total) for step, total in zip(steps, sums, strict=True) if total >= wanted)
        inside = 1 - (reached - wanted) / self.counts[step]
        low, high = _ends(step)
        return timedelta(seconds=low + (high - low) * inside)


def bucket_of(seconds: float) -> int:
    """Return the step in which a duration lies."""
    return next((step for step, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))


def _ends(step: int) -> tuple[float, float]:
    low = BOUNDS[step - 1] if step else 0.0
    return low, BOUNDS[step] if step < len(BOUNDS) else low
