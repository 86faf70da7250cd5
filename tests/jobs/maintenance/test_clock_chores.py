from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

import pytest
from redis import Redis
from sqlalchemy import delete, update

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.maintenance import clock_chores as module
from webapp.jobs.maintenance.clock_chores import LeaseRescuer, promote_due, top_up_wake_ups
from webapp.jobs.model.job import Job, Status
from webapp.jobs.rq_queue.wake_ups import LEAST_CAP, WakeUps
from webapp.schema import jobs, later, leases
from webapp.services import Services


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time of the rescuer; a test advances it: `at[0] += 5`."""
    at = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: at[0])
    return at


@pytest.fixture
def rescuer(services: Services, at: list[float]) -> LeaseRescuer:
    return LeaseRescuer(services.leases, 5.0)


def test_a_lease_without_a_heartbeat_is_rescued_after_the_lease_time(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], at: list[float], database: str
) -> None:
    job = running()
    assert rescuer.rescue() == 0
    at[0] += 4.9
    assert rescuer.rescue() == 0
    at[0] += 0.2
    assert rescuer.rescue() == 1
    after = services.jobs.get(job.id)
    assert (after.status, after.errors[0]["text"]) == (
        Status.STALE,
        "The machine that ran this job stopped responding.",
    )
    assert rescuer.rescue() == 0


def test_a_lease_with_heartbeats_is_kept(
    services: Services, rescuer: LeaseRescuer, lease: UUID, at: list[float]
) -> None:
    for _ in range(5):
        assert rescuer.rescue() == 0
        at[0] += 4
        services.leases.beat(lease)


def test_only_the_monotonic_time_of_the_rescuer_counts(
    services: Services, rescuer: LeaseRescuer, lease: UUID, at: list[float]
) -> None:
    with writing(services.engine) as connection:
        connection.exec_driver_sql("UPDATE leases SET beat_at = '2001-01-01 00:00:00.000000'")
    assert rescuer.rescue() == 0
    at[0] += 4.9
    assert rescuer.rescue() == 0


def test_a_heartbeat_at_the_last_moment_keeps_the_lease(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], lease: UUID, at: list[float], database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It comes after the rescuer has read the leases and before it settles one."""
    job, beats = running(), services.leases.beats
    rescuer.rescue()
    at[0] += 5.1

    def then_beat() -> Mapping[UUID, int | None]:
        seen = beats()
        services.leases.beat(lease)
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(services.leases, "beats", then_beat)
        rescuer.rescue()
    assert services.jobs.get(job.id).status is Status.RUNNING
    assert services.leases.beat(lease)


def test_a_job_without_its_lease_row_is_rescued_after_the_lease_time(
    services: Services, rescuer: LeaseRescuer, running: Callable[..., Job], at: list[float], database: str
) -> None:
    job = running()
    with writing(services.engine) as connection:
        connection.execute(delete(leases))
    assert rescuer.rescue() == 0
    at[0] += 5.1
    assert rescuer.rescue() == 1
    assert services.jobs.get(job.id).status is Status.STALE


def test_after_a_reset_every_lease_has_its_full_time_again(rescuer: LeaseRescuer, lease: UUID, at: list[float]) -> None:
    assert rescuer.rescue() == 0
    at[0] += 100
    rescuer.reset()
    assert rescuer.rescue() == 0
    at[0] += 5.1
    assert rescuer.rescue() == 1


def test_only_due_scheduled_jobs_are_promoted(services: Services, make: Callable[..., Job], database: str) -> None:
    due, early, running = make(), make(), make()
    with writing(services.engine) as connection:
        for job, status, seconds in ((due, "scheduled", -1), (early, "scheduled", 60), (running, "running", -1)):
            values = {"status": status, "run_at": later(seconds)}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(values))
    assert promote_due(services.engine) == 1
    assert promote_due(services.engine) == 0
    assert [services.jobs.get(job.id).status.value for job in (due, early, running)] == [
        "queued",
        "scheduled",
        "running",
    ]
    assert services.jobs.get(due.id).version == due.version + 1


def test_wake_ups_are_topped_up_by_queue(services: Services, make: Callable[..., Job], database: str) -> None:
    for queue in ("b", "a", "a", "c"):
        services.queues.add(queue)
        make(queue=queue)
    pushed: dict[str, int] = {}
    top_up_wake_ups(services.engine, pushed.setdefault)
    assert pushed == {"a": 2, "b": 1, "c": 1}
    assert list(pushed) == ["a", "b", "c"]


def test_the_count_of_queued_jobs_stops_at_the_ceiling(services: Services, make: Callable[..., Job]) -> None:
    for _ in range(4):
        make()
    assert top_up_wake_ups(services.engine, lambda _, rows: rows, ceiling=3) == {"default": 3}


def test_an_emptied_redis_is_topped_up_to_the_cap(
    services: Services, valkey_url: str, make: Callable[..., Job]
) -> None:
    wake_ups, few, many = WakeUps(valkey_url), uuid4().hex, uuid4().hex
    for queue, count in ((few, 3), (many, LEAST_CAP + 9)):
        services.queues.add(queue)
        for _ in range(count):
            make(queue=queue)
    Redis.from_url(valkey_url).flushall()
    assert top_up_wake_ups(services.engine, wake_ups.top_up) == {few: 3, many: LEAST_CAP}
    assert top_up_wake_ups(services.engine, wake_ups.top_up) == {few: 0, many: 0}


def test_queues_are_found_along_an_index(services: Services, make: Callable[..., Job], database: str) -> None:
    make()
    with recorded(services.engine) as statements:
        top_up_wake_ups(services.engine, lambda _queue, rows: rows)
    plans = [
        plan_of(services.engine, *statement, as_if_large=True)
        for statement in statements
        if "FROM jobs" in statement[0]
    ]
    assert plans
    for plan in plans:
        assert "ix_jobs_claim" in plan or "ix_jobs_turn" in plan
