import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.views.page import polling

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(status: Status, age: float) -> Job:
    return Job(id=uuid4(), type="t", title="T", status=status, created_at=NOW - timedelta(seconds=age))


@pytest.mark.parametrize(("age", "seconds"), [(1, 1.0), (30, 2.0), (600, 5.0)])
def test_a_young_job_is_polled_more_often(age: float, seconds: float) -> None:
    assert polling.job_interval(job(Status.RUNNING, age), NOW) == seconds


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_finished_job_is_not_polled(status: Status) -> None:
    assert polling.job_interval(job(status, 1), NOW) is None


def test_a_job_that_has_not_started_is_polled() -> None:
    assert polling.job_interval(job(Status.QUEUED, 1), NOW) == 1.0


IDLE = {"running": 0, "waiting": 0}


def test_a_busy_list_is_polled_often_and_a_quiet_one_rarely() -> None:
    old, young = [job(Status.COMPLETED, 360)], [job(Status.COMPLETED, 240)]
    assert polling.list_interval({"running": 1, "waiting": 0}, old, NOW) == 2.0
    assert polling.list_interval({"running": 0, "waiting": 3}, old, NOW) == 2.0
    assert polling.list_interval(IDLE, young, NOW) == 10.0
    assert polling.list_interval(IDLE, old, NOW) == 60.0


def test_a_list_without_jobs_is_quiet() -> None:
    assert polling.list_interval(IDLE, [], NOW) == 60.0


@pytest.mark.parametrize(("wait", "seconds"), [(25, 25.0), (300, 60.0), (0.5, 2.0), (-60, 2.0)])
def test_a_quiet_list_is_polled_when_a_job_is_due(wait: float, seconds: float) -> None:
    due = replace(job(Status.SCHEDULED, 600), run_at=NOW + timedelta(seconds=wait))
    assert polling.list_interval(IDLE, [job(Status.COMPLETED, 360), due], NOW) == seconds


def test_polls_are_spread_over_time() -> None:
    asked = {int(re.match(r"every (\d+)ms, ", polling.trigger(2.0))[1]) for _ in range(200)}
    assert len(asked) > 20
    assert min(asked) >= 1800
    assert max(asked) <= 2200


def test_a_tag_differs_when_any_part_differs() -> None:
    assert polling.tag("a", "b") == polling.tag("a", "b")
    assert polling.tag("a", "b") != polling.tag("ab", "")


def test_a_scheduled_job_is_polled_rarely_until_it_is_due() -> None:
    far, near = (replace(job(Status.SCHEDULED, 1), run_at=NOW + timedelta(seconds=wait)) for wait in (3600, 10))
    overdue = replace(far, run_at=NOW - timedelta(minutes=1))
    assert [polling.job_interval(one, NOW) for one in (far, near, overdue)] == [30.0, 5.0, 1.0]


def test_relative_times_become_outdated_faster_for_a_young_job() -> None:
    young, old = replace(job(Status.RUNNING, 0), started_at=NOW), replace(job(Status.RUNNING, 0), started_at=NOW)
    assert polling.job_tick(young, NOW) != polling.job_tick(young, NOW + timedelta(seconds=1))
    later = NOW + timedelta(minutes=10)
    assert polling.job_tick(old, later) == polling.job_tick(old, later + timedelta(seconds=59))
    assert polling.job_tick(job(Status.COMPLETED, 1), NOW) == polling.job_tick(job(Status.COMPLETED, 1), later)


def test_a_page_that_slept_is_outdated_whatever_the_age_of_its_job() -> None:
    started = replace(job(Status.RUNNING, 0), started_at=NOW)
    ticks = [polling.job_tick(started, NOW + timedelta(seconds=age)) for age in range(3 * 3600)]
    assert ticks == sorted(ticks)
    assert all(0 <= age - tick < 60 for age, tick in enumerate(ticks))


def test_pages_of_waiting_jobs_grow_old_at_different_times() -> None:
    waiting = [replace(job(Status.QUEUED, 1), id=UUID(int=number)) for number in range(30)]
    for second in range(30):
        at, later = (NOW + timedelta(seconds=number) for number in (second, second + 1))
        assert sum(polling.job_tick(one, at) != polling.job_tick(one, later) for one in waiting) == 1
