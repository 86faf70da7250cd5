from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.jobs.conftest import HOLDER, end
from webapp.db.engine import writing
from webapp.jobs.execution import watchdog as module
from webapp.jobs.execution.watchdog import DATABASE_AWAY, HARD_LIMIT, Watchdog
from webapp.jobs.model.job import Job, Status
from webapp.schema import jobs, now
from webapp.services import Services


class Clock:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture
def watchdog(services: Services, lease: UUID, clock: Clock) -> Watchdog:
    return Watchdog(
        services.leases,
        lease,
        lease_seconds=30.0,
        drain_grace=timedelta(seconds=20),
        grace_of=lambda _: timedelta(seconds=20),
        timeout_of=lambda name: timedelta(seconds=60),
    )


@pytest.fixture
def silence_watchdog(services: Services, lease: UUID, clock: Clock) -> Watchdog:
    """A watchdog for jobs that can run long, but must report."""
    return Watchdog(
        services.leases,
        lease,
        lease_seconds=30.0,
        drain_grace=timedelta(seconds=20),
        grace_of=lambda _: timedelta(seconds=20),
        timeout_of=lambda _: timedelta(hours=1),
        stale_after_of=lambda _: timedelta(seconds=40),
    )


def ask_to_stop(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=now()))


def away(*_: Any) -> Any:
    raise OperationalError("beat", {}, Exception("away"))


def test_a_lease_gets_six_heartbeats_per_period(
    services: Services, watchdog: Watchdog, lease: UUID, clock: Clock
) -> None:
    for _ in range(60):
        assert not watchdog.check()
        clock.at += watchdog.interval_seconds
    assert 10 <= services.leases.beats()[lease] <= 13


def test_a_work_horse_without_a_lease_is_killed(services: Services, watchdog: Watchdog, lease: UUID) -> None:
    assert not watchdog.check()
    services.leases.settle(lease, why="…")
    watchdog._beat_due = 0.0
    assert watchdog.check()
    assert "lease expired" in watchdog.kill_reason


def test_a_work_horse_is_killed_before_its_jobs_can_be_rescued(
    services: Services, watchdog: Watchdog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not watchdog.check()
    monkeypatch.setattr(services.leases, "beat", away)
    clock.at += 19
    assert not watchdog.check(), "a short absence kills nothing"
    clock.at += 2
    assert watchdog.check()
    assert "database was unreachable" in watchdog.kill_reason


def test_a_short_absence_of_the_database_kills_nothing(
    services: Services, watchdog: Watchdog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(services.leases, "beat", away)
        clock.at += 15
        assert not watchdog.check()
    assert not watchdog.check()
    clock.at += 15
    assert not watchdog.check()


def test_lease_ran_out_does_not_use_the_database(watchdog: Watchdog, clock: Clock) -> None:
    clock.at += 19
    assert not watchdog.lease_ran_out()
    assert watchdog.seconds_left == pytest.approx(1.0)
    clock.at += 1
    assert watchdog.lease_ran_out()
    assert watchdog.kill_reason == DATABASE_AWAY


def test_a_job_that_was_killed_for_lack_of_a_database_keeps_its_attempt(
    services: Services, watchdog: Watchdog, running: Callable[..., Job], clock: Clock, database: str
) -> None:
    job = running()
    clock.at += 21
    assert watchdog.lease_ran_out()
    watchdog.settle(watchdog.kill_reason, 1, 1)
    after = services.jobs.get(job.id)
    assert (after.status, after.max_attempts, after.interruptions) == (Status.QUEUED, 2, 1)


def test_a_slow_heartbeat_counts_from_when_it_was_sent(
    services: Services, watchdog: Watchdog, lease: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = services.leases.beat

    def slow(lease_id: UUID) -> bool:
        clock.at += 15
        return beat(lease_id)

    with monkeypatch.context() as patch:
        patch.setattr(services.leases, "beat", slow)
        assert not watchdog.check()
    monkeypatch.setattr(services.leases, "beat", away)
    clock.at += 6
    assert watchdog.check()


def test_a_job_that_does_not_stop_within_its_grace_period_is_killed(
    services: Services, watchdog: Watchdog, running: Callable[..., Job], clock: Clock
) -> None:
    running()
    assert not watchdog.check()
    ask_to_stop(services)
    assert not watchdog.check()
    clock.at += 19
    assert not watchdog.check()
    clock.at += 2
    assert watchdog.check()
    assert "did not stop within its grace period" in watchdog.kill_reason


def test_each_job_has_a_separate_grace_period(
    services: Services, watchdog: Watchdog, running: Callable[..., Job], clock: Clock
) -> None:
    first = running()
    ask_to_stop(services)
    assert not watchdog.check()
    clock.at += 15
    end(services, first, Status.CANCELLED)
    running()
    assert not watchdog.check()
    clock.at += 15
    assert not watchdog.check(), "the second job was not asked to stop"


def test_a_job_that_ignores_its_timeout_is_killed(
    watchdog: Watchdog, running: Callable[..., Job], clock: Clock
) -> None:
    running()
    assert not watchdog.check()
    clock.at += 60 + HARD_LIMIT.total_seconds() - 1
    assert not watchdog.check()
    clock.at += 2
    assert watchdog.check()
    assert watchdog.kill_reason == "It ran longer than its limit of 1 min and was killed."


def test_each_job_of_a_work_horse_has_a_separate_timeout(
    services: Services, watchdog: Watchdog, running: Callable[..., Job], clock: Clock
) -> None:
    for _ in range(3):
        job = running()
        assert not watchdog.check()
        clock.at += 50
        assert not watchdog.check()
        end(services, job)


def test_a_stopping_worker_gives_its_job_a_grace_period_and_hands_it_back(
    services: Services, watchdog: Watchdog, running: Callable[..., Job], clock: Clock
) -> None:
    job = running()
    assert not watchdog.check()
    watchdog.interrupt()
    clock.at += 19
    assert not watchdog.check()
    clock.at += 2
    assert watchdog.check()
    watchdog.settle(watchdog.kill_reason, 1, 1)
    after = services.jobs.get(job.id)
    assert (after.status, after.max_attempts) == (Status.QUEUED, 2)


def test_the_first_reason_to_kill_is_kept(services: Services, watchdog: Watchdog, lease: UUID, clock: Clock) -> None:
    watchdog.interrupt()
    clock.at += 21
    assert watchdog.check()
    kill_reason = watchdog.kill_reason
    services.leases.settle(lease, why="…")
    clock.at += 21
    assert watchdog.check()
    assert watchdog.kill_reason == kill_reason


def test_a_short_lease_is_checked_often_enough(services: Services, lease: UUID) -> None:
    short_watchdog = Watchdog(
        services.leases,
        lease,
        lease_seconds=2.0,
        drain_grace=timedelta(0),
        grace_of=lambda _: timedelta(0),
        timeout_of=lambda _: timedelta(0),
    )
    assert short_watchdog.interval_seconds <= 2.0 / 6


def test_a_job_that_reports_nothing_for_too_long_becomes_stale(
    services: Services, silence_watchdog: Watchdog, clock: Clock, running: Callable[..., Job]
) -> None:
    job = running()
    assert not silence_watchdog.check()
    clock.at += 30
    services.jobs.change(job.id, lambda job: job.with_message("still there"))
    assert not silence_watchdog.check()
    clock.at += 39
    assert not silence_watchdog.check()
    clock.at += 2
    services.leases.beat(silence_watchdog._lease_id)
    assert silence_watchdog.check()
    silence_watchdog.settle(silence_watchdog.kill_reason, 1, 0)
    after = services.jobs.get(job.id)
    assert after.status is Status.STALE
    assert after.errors[-1]["text"] == "It reported nothing for 40 s and was marked as lost."


def test_a_silent_job_with_attempts_left_runs_again(
    services: Services, silence_watchdog: Watchdog, clock: Clock, running: Callable[..., Job]
) -> None:
    job = running(max_attempts=2)
    silence_watchdog.check()
    clock.at += 41
    assert silence_watchdog.check()
    silence_watchdog.settle(silence_watchdog.kill_reason, 1, 0)
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_root_with_unfinished_children_never_becomes_stale(
    services: Services, silence_watchdog: Watchdog, clock: Clock, running: Callable[..., Job]
) -> None:
    root = running()
    services.jobs.add_children(root, [services.jobs.child_of(root, "nothing", None, None, {})])
    silence_watchdog.check()
    clock.at += 41
    assert not silence_watchdog.check()


def test_jobs_that_were_claimed_with_a_long_one_are_freed(
    services: Services, running: Callable[..., Job], lease: UUID, watchdog: Watchdog, clock: Clock
) -> None:
    long, waits = running(), running()
    file = services.begun_jobs.file_of(HOLDER.worker)
    assert file
    assert long.started_at
    file.open(lease)
    file.begin(long, long.started_at)
    watchdog.check()
    clock.at += 0.2
    watchdog.check()
    assert services.jobs.get(waits.id).status is Status.RUNNING
    clock.at += 0.2
    assert not watchdog.check()
    assert services.jobs.get(waits.id).status is Status.QUEUED
    assert services.jobs.get(long.id).status is Status.RUNNING
