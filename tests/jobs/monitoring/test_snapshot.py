from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import update

from tests.jobs.conftest import end
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.progress import UsualRun
from webapp.jobs.monitoring.snapshot import HealthCheck, HealthSnapshot
from webapp.schema import events, jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def snapshot(services: Services) -> HealthSnapshot:
    return services.health_check.take_snapshot()


def age(services: Services, job: Job, seconds: float) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(created_at=later(-seconds)))
        connection.execute(update(events).where(events.c.job_id == job.id).values(at=later(-seconds)))


def move(services: Services, job: Job, queue: str) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(queue=queue))


def test_waiting_and_running_jobs_are_counted(services: Services, make: Make, running: Callable[..., Job]) -> None:
    running()
    services.jobs.change(make(dispatch=False).id, Job.mark_running)
    move(services, make(), "slow")
    move(services, make(), "slow")
    services.queues.pause("default")
    state = snapshot(services)
    assert (state.running, state.running_outside, state.waiting) == (2, 1, 2)
    assert (state.waiting_queues, state.paused_queues) == (("slow",), ("default",))
    assert state.redis is not None
    assert state.disk.total > 0


def test_a_running_job_without_a_word_for_longer_than_usual_is_found(
    services: Services, make: Make, running: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, fresh = running(), running()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(heartbeat_at=later(-3600)))
    [silent] = snapshot(services).silent_jobs
    assert (silent.job_id, silent.title) == (job.id, "Nothing")
    assert silent.silent_for >= timedelta(seconds=3599)
    assert fresh.id != silent.job_id
    monkeypatch.setattr(services.health_check, "_usual_run", lambda _: UsualRun(duration=timedelta(hours=2)))
    assert snapshot(services).silent_jobs == ()
    monkeypatch.setattr(services.health_check, "_usual_run", lambda _: UsualRun(silence=timedelta(seconds=2)))
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(heartbeat_at=later(-90)))
    [silent] = snapshot(services).silent_jobs
    assert (silent.job_id, silent.usual_silence) == (job.id, timedelta(seconds=2))


def test_the_longest_wait_is_found(services: Services, make: Make) -> None:
    assert snapshot(services).longest_wait is None
    age(services, make(), 60)
    oldest = make()
    move(services, oldest, "slow")
    age(services, oldest, 900)
    wait = snapshot(services).longest_wait
    assert wait is not None
    assert (wait.job_id, wait.queue) == (oldest.id, "slow")
    assert wait.waited >= timedelta(seconds=899)


def test_jobs_in_a_paused_queue_do_not_count_as_waiting_longest(services: Services, make: Make) -> None:
    age(services, make(), 900)
    services.queues.pause("default")
    assert snapshot(services).longest_wait is None


def test_a_record_only_job_waits_for_no_worker(services: Services, make: Make) -> None:
    age(services, make(dispatch=False), 600)
    assert snapshot(services).longest_wait is None


def test_a_retry_restarts_the_wait(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    end(services, job, Status.FAILED)
    age(services, job, 9000)
    services.jobs.retry(job.id)
    wait = snapshot(services).longest_wait
    assert wait is not None
    assert wait.waited < timedelta(minutes=30)


def test_the_latest_failures_come_first(services: Services, lease: UUID, make: Make) -> None:
    failed = []
    for status in (Status.FAILED, Status.COMPLETED, Status.FAILED):
        make()
        job = services.claims.claim("default", lease, fresh=True)
        assert job is not None
        end(services, job, status)
        failed.append(job.id)
    assert [job.id for job in services.health_check.failed(5)] == [failed[2], failed[0]]


def test_an_unreachable_redis_is_part_of_the_snapshot(services: Services, tmp_path: Path) -> None:
    health_check = HealthCheck(
        services.engine,
        redis=Redis(unix_socket_path=str(tmp_path / "missing")),
        workers=services.workers.all,
        workers_in_database=services.workers.in_database,
        clock_silent_for=lambda: None,
        folder=tmp_path / "missing" / "folder",
    )
    state = health_check.take_snapshot()
    assert (state.redis, state.workers, state.clock_silent_for) == (None, (), None)
