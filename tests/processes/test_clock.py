from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.exc import OperationalError

from tests.frozen_processes import freeze
from tests.installation import (
    ENDLESS_SECONDS,
    PATIENCE_SECONDS,
    SHORT_LEASE,
    Installation,
    has_ended,
    wait_for,
)
from webapp.accounts.user import User
from webapp.config import load
from webapp.db.engine import engine_options, reading, writing
from webapp.jobs.model.job import Status
from webapp.notifications.rule import RuleDraft
from webapp.processes import clock as module
from webapp.processes.clock import MAINTENANCE, Clock
from webapp.schema import cursors, jobs, later
from webapp.services import Services


@pytest.fixture
def clock(services: Services) -> Clock:
    return Clock(services)


def jobs_of(services: Services, type_name: str) -> list[Status]:
    return [job.status for job in services.queries.all_jobs.newest(50) if job.type == type_name]


def test_the_clock_sends_what_notification_rules_report(services: Services, clock: Clock, user: User) -> None:
    draft = RuleDraft(
        name="Waits", topics=("queue_waits",), seconds=60, channel="webhook", address="https://example.org"
    )
    services.notification_rules.add(services.rule_form(None).checked(draft), user_id=None)
    waiting = services.jobs.create_user_job("job_history_export", {"format": "csv"}, user.id)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == waiting.id).values(created_at=later(-120)))
    clock.tick()
    [message] = services.delivery_log.all()
    assert services.jobs.get(message.job_id).status is Status.QUEUED


def test_several_clocks_start_maintenance_once(services: Services, database: str) -> None:
    for clock in (Clock(services), Clock(services), Clock(services)):
        clock.tick()
        clock.tick()
    assert jobs_of(services, MAINTENANCE) == [Status.QUEUED]


def test_maintenance_starts_again_after_an_hour(services: Services, clock: Clock) -> None:
    clock.tick()
    with writing(services.engine) as connection:
        values = {"status": "completed", "created_at": later(-timedelta(hours=1, seconds=1).total_seconds())}
        connection.execute(update(jobs).values(**values))
    clock.tick()
    assert sorted(jobs_of(services, MAINTENANCE)) == [Status.COMPLETED, Status.QUEUED]


def test_no_second_maintenance_starts_while_one_is_unfinished(services: Services, clock: Clock) -> None:
    clock.tick()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status="running", created_at=later(-7200)))
    clock.tick()
    assert jobs_of(services, MAINTENANCE) == [Status.RUNNING]


def test_a_disabled_maintenance_does_not_stop_the_clock(services: Services, clock: Clock) -> None:
    services.disabled_types.disable(MAINTENANCE)
    clock.tick()
    assert jobs_of(services, MAINTENANCE) == []
    services.disabled_types.enable(MAINTENANCE)
    clock.tick()
    assert jobs_of(services, MAINTENANCE) == [Status.QUEUED]


def test_a_due_job_is_promoted_and_announced(services: Services, clock: Clock) -> None:
    services.queues.add("promoted")
    job = services.jobs.create_system_job(MAINTENANCE, queue="promoted")
    services.wake_ups.connection.delete("rq:queue:promoted")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status="scheduled", run_at=later(-1)))
    clock.tick()
    assert services.jobs.get(job.id).status is Status.QUEUED
    assert services.wake_ups.connection.llen("rq:queue:promoted") == 1


def test_a_round_without_a_database_fails_quietly_and_resets_the_rescue(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> int:
        raise OperationalError("UPDATE", {}, Exception("away"))

    resets: list[bool] = []
    monkeypatch.setattr(clock._rescuer, "reset", lambda: resets.append(True))
    with monkeypatch.context() as patch:
        patch.setattr(module, "promote_due", away)
        clock.tick()
    assert resets == [True]
    clock.tick()
    assert jobs_of(services, MAINTENANCE) == [Status.QUEUED]


def test_the_clock_rolls_up_metrics(services: Services, clock: Clock) -> None:
    assert counters(services) == set()
    clock.tick()
    assert counters(services) == {"endings", "errors", "runs"}


def counters(services: Services) -> set[str]:
    with reading(services.engine) as connection:
        return set(connection.execute(select(cursors.c.name)).scalars())


def test_a_round_survives_a_redis_that_is_away(
    database_url: str, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load(
        data_dir=tmp_path, database_url=database_url, redis_url=f"unix://{tmp_path}/nobody", secret_key="k" * 32
    )
    engine = create_engine(database_url, **engine_options(database_url))
    Clock(Services(settings, engine)).tick()
    assert "Redis cannot be reached" in caplog.text
    engine.dispose()


def test_ticks_are_aligned_to_full_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", lambda: 1_790_000_000.25)
    assert module._until_next_second() == 0.75


def test_the_clock_ticks_every_second_until_a_stop(installation: Installation) -> None:
    clock = installation.start("clock")
    wait_for(lambda: jobs_of(installation.services, MAINTENANCE))
    with writing(installation.services.engine) as connection:
        connection.execute(update(jobs).values(status="scheduled", run_at=later(0)))
    wait_for(lambda: jobs_of(installation.services, MAINTENANCE) == [Status.QUEUED])
    clock.terminate()
    assert clock.wait(PATIENCE_SECONDS) == 0


@pytest.mark.exhaustive
def test_a_job_of_a_frozen_worker_is_rescued(installation: Installation) -> None:
    """Simulate a lost machine: no worker of it is left to settle its jobs."""
    installation.start("clock", **SHORT_LEASE)
    pool = installation.start("worker", "--workers", "1", **SHORT_LEASE)
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    horse = installation.await_horse(job_id)
    worker = horse.parent()
    freeze(installation.services.engine, worker, horse)
    job = installation.await_status(job_id, Status.STALE)
    assert job.errors[-1]["text"] == "The machine that ran this job stopped responding."
    for process in (horse, worker):
        process.resume()
    wait_for(lambda: has_ended(horse))
    assert installation.get(job_id) == job, "whoever wakes up late changes nothing"
    assert pool.poll() is None
    again = installation.job("quick")
    installation.await_status(again, Status.COMPLETED)
