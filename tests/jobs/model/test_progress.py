from datetime import timedelta
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model.progress import from_amounts, time_left


def test_the_estimate_of_a_job_that_stands_still_never_rises() -> None:
    reported = timedelta(minutes=4)  # at 46 per cent
    quiet = [timedelta(seconds=second) for second in range(0, 1200, 7)]
    left = [time_left(reported + each, 46.0, None, quiet=each) for each in quiet]
    known = [each for each in left if each is not None]
    assert known == sorted(known, reverse=True)
    assert left[0] == time_left(reported, 46.0, None)
    assert left[-1] is None


@pytest.mark.parametrize("done", [0, 1, 9, 99, 1000, 55_000])
def test_with_an_unknown_total_progress_grows_logarithmically(done: int) -> None:
    assert from_amounts(33.0, done, None) == pytest.approx(min(20 * log10(1 + done), 95))


def test_with_an_unknown_total_progress_starts_at_0() -> None:
    assert from_amounts(33.0, 0, None) == 0


def test_with_an_unknown_total_progress_never_exceeds_95() -> None:
    assert from_amounts(0.0, 10**12, None) == 95


def test_a_total_of_0_does_not_change_progress() -> None:
    assert from_amounts(33.3, 5, 0) == 33.3


@pytest.mark.parametrize(("done", "total", "percent"), [(1, 4, 25), (-3, 4, 0), (9, 4, 100), (4, 4, 100), (0, 4, 0)])
def test_amounts_become_a_percentage_between_0_and_100(done: float, total: float, percent: float) -> None:
    assert from_amounts(50.0, done, total) == percent


@given(
    st.floats(0, 100),
    st.floats(-1e12, 1e12),
    st.one_of(st.none(), st.floats(0, 1e12)),
)
def test_progress_from_any_amounts_is_between_0_and_100(current: float, done: float, total: float | None) -> None:
    assert 0.0 <= from_amounts(current, done, total) <= 100.0


def test_the_time_left_follows_from_the_pace_so_far() -> None:
    assert time_left(timedelta(seconds=30), 25.0, None) == timedelta(seconds=90)


def test_the_time_left_at_the_start_follows_from_the_usual_duration() -> None:
    assert time_left(timedelta(seconds=10), 1.0, timedelta(seconds=60)) == timedelta(seconds=50)


def test_the_time_left_is_unknown_without_progress_and_usual_duration() -> None:
    assert time_left(timedelta(seconds=10), 0.0, None) is None
    assert time_left(timedelta(seconds=90), 0.0, timedelta(seconds=60)) is None
