from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.metrics.histogram import BOUNDS, DurationHistogram, bucket_of

SECONDS = st.floats(min_value=0.01, max_value=BOUNDS[-1])


def durations(*seconds: float) -> DurationHistogram:
    counts: dict[int, int] = {}
    for value in seconds:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    return DurationHistogram(counts)


def test_without_samples_there_is_no_percentile() -> None:
    assert (durations().samples, durations().percentile(0.5)) == (0, None)


def test_fewer_than_twenty_samples_are_a_small_sample() -> None:
    assert durations(*[1.0] * 19).is_small_sample
    assert not durations(*[1.0] * 20).is_small_sample


@given(st.lists(SECONDS, min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_lies_in_the_bucket_of_the_exact_value(seconds: list[float], share: float) -> None:
    ranked = sorted(seconds)
    exact = next(value for rank, value in enumerate(ranked, 1) if rank >= share * len(ranked))
    found = durations(*seconds).percentile(share)
    assert found is not None
    bucket = bucket_of(exact)
    low = BOUNDS[bucket - 1] if bucket else 0.0
    assert low - 1e-6 <= found.total_seconds() <= BOUNDS[bucket] + 1e-6


@pytest.mark.parametrize("seconds", [0.0, 0.005, 5e6])
def test_durations_outside_all_bounds_are_counted(seconds: float) -> None:
    found = durations(seconds).percentile(1.0)
    assert found is not None
    assert timedelta(0) <= found <= timedelta(seconds=BOUNDS[-1])
