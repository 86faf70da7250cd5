import pytest

from webapp.jobs.execution.groups.begun_jobs import MOST_JOBS
from webapp.jobs.execution.groups.group_size import MOST_SECONDS, SIZES, WORTH_SECONDS, RunTimes
from webapp.jobs.queueing.next_claim import Group


def run_times(*seconds: float) -> RunTimes:
    times = RunTimes()
    for one in seconds:
        times.add("short", one)
    return times


@pytest.mark.parametrize(("milliseconds", "size"), [(0.5, 10), (2.4, 10), (2.6, 4), (6, 4), (7, 2), (12, 2)])
def test_a_group_is_worth_a_few_milliseconds(milliseconds: float, size: int) -> None:
    assert run_times(*[milliseconds / 1000] * 5).group_after("short", 100) == Group(size, "short")


def test_longer_jobs_are_claimed_one_by_one() -> None:
    assert run_times(0.02, 0.02, 0.02).group_after("short", 100) is None


def test_a_type_is_short_after_some_runs() -> None:
    times = run_times(0.001, 0.001)
    assert times.group_after("short", 100) is None
    times.add("short", 0.001)
    assert times.group_after("short", 100) == Group(10, "short")
    times.add("other", 0.001)
    assert times.group_after("other", 100) is None


def test_a_long_run_ends_the_groups_of_its_type_for_a_while() -> None:
    times = run_times(*[0.001] * 20, 30.0)
    assert times.group_after("short", 100) is None
    for _ in range(100):
        times.add("short", 0.001)
    assert times.group_after("short", 100) == Group(10, "short")


def test_a_group_fits_into_the_budget() -> None:
    times = run_times(*[0.001] * 5)
    assert [times.group_after("short", most) for most in (9, 3, 1, 0)] == [
        Group(4, "short"),
        Group(2, "short"),
        None,
        None,
    ]


def test_the_largest_group_fits_into_the_file_of_its_work_horse() -> None:
    assert max(SIZES) <= MOST_JOBS
    assert WORTH_SECONDS < MOST_SECONDS
