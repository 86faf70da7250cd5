from datetime import timedelta
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model.progress import from_amounts, time_left


@pytest.mark.parametrize("done", [0, 1, 9, 99, 1000, 55_000])
def test_an_unknown_total_creeps_on_a_logarithm(done: int) -> None:
    assert from_amounts(33.0, done, None) == pytest.approx(min(20 * log10(1 + done), 95))


def test_nothing_done_of_an_unknown_total_is_0() -> None:
    assert from_amounts(33.0, 0, None) == 0


def test_an_unknown_total_never_passes_95() -> None:
    assert from_amounts(0.0, 10**12, None) == 95


def test_a_total_of_0_leaves_progress_as_it_was() -> None:
    assert from_amounts(33.3, 5, 0) == 33.3


@pytest.mark.parametrize(("done", "total", "percent"), [(1, 4, 25), (-3, 4, 0), (9, 4, 100), (4, 4, 100), (0, 4, 0)])
def test_amounts_become_per_cent_within_0_and_100(done: float, total: float, percent: float) -> None:
    assert from_amounts(50.0, done, total) == percent


@given(
    st.floats(0, 100),
    st.floats(-1e12, 1e12),
    st.one_of(st.none(), st.floats(0, 1e12)),
)
def test_whatever_the_amounts_it_is_0_to_100(current: float, done: float, total: float | None) -> None:
    assert 0.0 <= from_amounts(current, done, total) <= 100.0


def test_time_left_follows_the_pace_so_far() -> None:
    assert time_left(timedelta(seconds=30), 25.0, None) == timedelta(seconds=90)


def test_time_left_at_the_start_follows_what_is_usual() -> None:
    assert time_left(timedelta(seconds=10), 1.0, timedelta(seconds=60)) == timedelta(seconds=50)


def test_time_left_is_unknown_where_nothing_tells() -> None:
    assert time_left(timedelta(seconds=10), 0.0, None) is None
    assert time_left(timedelta(seconds=90), 0.0, timedelta(seconds=60)) is None
