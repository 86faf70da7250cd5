import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, event, select, text, update

from tests.installation import PATIENCE_SECONDS
from tests.jobs.conftest import HOLDER, Nothing, end
from tests.jobs.row_invariants import broken, snapshot
from tests.jobs.statements import recorded
from webapp.db.engine import reading, sharing_reads, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import NO_QUEUE, Job, Status
from webapp.jobs.model.policies import MAX_INTERRUPTIONS, Limits
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import jobs, leases, now
from webapp.services import Services

WHY = "The process that ran this job was killed (SIGKILL)."


def exists(services: Services, lease: UUID) -> bool:
    with reading(services.engine) as connection:
        return connection.execute(select(leases.c.id).where(leases.c.id == lease)).first() is not None


def ask_to_stop(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=now()))


def test_heartbeats_are_counted_until_the_lease_is_settled(services: Services, lease: UUID, database: str) -> None:
    assert services.leases.beats() == {lease: 0}
    assert services.leases.beat(lease)
    assert services.leases.beats() == {lease: 1}
    services.leases.settle(lease, why=WHY)
    assert services.leases.beats() == {}
    assert not services.leases.beat(lease)


@pytest.mark.dialect(both=True)
def test_a_lease_is_opened_only_if_a_job_can_be_claimed(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    def opened(queue: str = "default") -> bool:
        with recorded(services.engine) as sent:
            lease = services.leases.open_if_claimable(services.claims, HOLDER, queue)
        statements.append(len(sent))
        assert set(services.leases.beats()) == ({lease} if lease else set())
        if lease:
            services.leases.settle(lease, why=WHY)
        return lease is not None

    statements: list[int] = []
    assert not opened()
    job = make()
    assert opened()
    assert statements == ([1, 1] if database == "postgresql" else [1, 2])
    services.queues.pause("default")
    assert not opened()
    services.queues.resume("default")
    services.queues.limit("default", 1)
    assert opened()
    services.disabled_types.disable("nothing")
    assert not opened()
    services.jobs.cancel(job.id)
    assert not opened()
    assert statements[-1] == 1, "what restricts a queue is of no interest without a job"
    assert not opened(NO_QUEUE)


@pytest.mark.dialect(both=True)
def test_a_lease_is_not_opened_for_a_job_beyond_the_limit_of_its_type(
    services: Services, make: Callable[..., Job], running: Callable[..., Job], database: str
) -> None:
    claims = Claims(services.engine, {"nothing": Limits(running=1)})
    running()
    make()
    assert services.leases.open_if_claimable(claims, HOLDER, "default") is None
    assert services.leases.open_if_claimable(services.claims, HOLDER, "default")


_NOTE_COMMITS = """
    CREATE TABLE commits (of text, waits_for_disk text);
    CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO commits VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON leases
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit();
    CREATE CONSTRAINT TRIGGER noted AFTER UPDATE ON jobs
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit();
    """


@pytest.mark.dialect(both=True)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("looks_for_work", [True, False])
def test_the_commit_of_a_lease_does_not_wait_for_the_disk_and_that_of_a_claim_does(
    services: Services, make: Callable[..., Job], database: str, looks_for_work: bool
) -> None:
    make()
    with writing(services.engine) as connection:
        connection.execute(text(_NOTE_COMMITS))
    with sharing_reads(), reading(services.engine) as connection:
        connection.execute(text("SET synchronous_commit = on"))  # the server of the tests has it off
        if looks_for_work:
            lease = services.leases.open_if_claimable(services.claims, HOLDER, "default")
        else:
            lease = services.leases.open(HOLDER, "default")
        assert lease
        assert services.claims.claim("default", lease, fresh=True)
        commits = connection.execute(text("SELECT of, waits_for_disk FROM commits")).all()
    assert commits == [("leases", "off"), ("jobs", "on")]


def test_the_job_under_a_lease_is_its_running_job(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    assert services.leases.running_job(lease) is None
    job = running()
    assert services.leases.running_job(lease) == job
    end(services, job)
    assert services.leases.running_job(lease) is None


def test_a_job_without_attempts_left_fails_with_the_reason(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running()
    assert services.leases.settle(lease, why=WHY, horse_pid=7, peak_memory=2**33) == (job,)
    after = services.jobs.get(job.id)
    assert (after.status, after.lease_id) == (Status.FAILED, None)
    assert [error["text"] for error in after.errors] == [WHY]
    (attempt,) = services.queries.jobs.attempts(job.id)
    assert (attempt.outcome, attempt.error, attempt.worker, attempt.host) == ("failed", WHY, HOLDER.worker, HOLDER.host)
    assert (attempt.pid, attempt.peak_memory) == (7, 2**33)
    assert not exists(services, lease)


def test_a_job_with_attempts_left_is_queued_again_and_its_timeline_has_the_reason(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running(max_attempts=2)
    services.leases.settle(lease, why=WHY)
    after = services.jobs.get(job.id)
    assert (after.status, after.max_attempts, after.errors) == (Status.QUEUED, 2, ())
    event = services.queries.jobs.timeline(job.id)[-1]
    assert (event.name, event.detail) == ("lost", WHY)


def test_a_killed_job_that_was_asked_to_stop_is_cancelled(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running(max_attempts=5)
    ask_to_stop(services)
    services.leases.settle(lease, why=WHY, hand_back=True)
    after = services.jobs.get(job.id)
    assert (after.status, after.cancel_kind) == (Status.CANCELLED, "forced")


def test_a_job_whose_worker_was_stopped_keeps_its_attempt(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running(max_attempts=1)
    services.leases.settle(lease, why=WHY, hand_back=True)
    after = services.jobs.get(job.id)
    assert (after.status, after.attempt, after.max_attempts) == (Status.QUEUED, 1, 2)


def test_a_lease_without_a_running_job_can_be_settled(
    services: Services, running: Callable[..., Job], lease: UUID
) -> None:
    job = running()
    end(services, job)
    assert services.leases.settle(lease, why=WHY) == ()
    assert services.jobs.get(job.id).status is Status.COMPLETED
    assert not exists(services, lease)
    assert services.leases.settle(lease, why=WHY) == (), "a second call is no error"


def pause_settlement(services: Services) -> Event:
    """Pause the first settlement before its update; return an event that is set when it gets there."""
    reached = Event()

    @event.listens_for(services.engine, "before_cursor_execute")
    def wait(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("WITH ended", "UPDATE jobs")) and not reached.is_set():
            reached.set()
            time.sleep(0.3)

    return reached


def test_a_lease_is_settled_once_by_two_concurrent_calls(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job, reached = running(max_attempts=2), pause_settlement(services)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(services.leases.settle, lease, why=WHY)
        assert reached.wait(PATIENCE_SECONDS)
        second = pool.submit(services.leases.settle, lease, why=WHY)
        assert (len(first.result()), len(second.result())) == (1, 0)
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)] == ["lost"]
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_job_that_ends_while_its_lease_is_settled_writes_nothing(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    """The work-horse runs on a host that was unreachable for too long."""
    job, reached = running(), pause_settlement(services)
    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(services.leases.settle, lease, why=WHY)
        assert reached.wait(PATIENCE_SECONDS)
        with pytest.raises(LeaseLost):
            end(services, job)
        assert len(settled.result()) == 1
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)] == ["failed"]
    assert not exists(services, lease)


def test_the_leases_of_a_worker_are_found_by_its_name(services: Services, lease: UUID) -> None:
    other = services.leases.open(replace(HOLDER, worker="other"), "default")
    assert services.leases.held_by_worker(HOLDER.worker) == (lease,)
    assert services.leases.held_by_worker("other") == (other,)


def test_dead_workers_of_this_host_are_found_by_pid_or_boot_id(services: Services) -> None:
    def opened(**differences: Any) -> UUID:
        return services.leases.open(replace(HOLDER, **differences), "default")

    alive, dead, rebooted = opened(pid=1), opened(pid=2), opened(pid=1, boot_id="before")
    elsewhere = opened(host="elsewhere", pid=2)
    dead_leases = services.leases.held_by_dead_workers(HOLDER.host, lambda pid: pid == 1, HOLDER.boot_id)
    assert set(dead_leases) == {dead, rebooted}
    assert not {alive, elsewhere} & set(dead_leases)


def test_nothing_is_claimed_under_a_settled_lease(services: Services, make: Callable[..., Job], database: str) -> None:
    job = make()
    assert services.claims.claim("default", uuid4(), fresh=True) is None
    assert services.claims.claim_one(job.id, "default", uuid4()) is None
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_job_that_runs_under_a_settled_lease_is_still_settled(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    """The job was claimed in the moment in which its lease was rescued."""
    job = running()
    with writing(services.engine) as connection:
        connection.execute(delete(leases))
    assert services.leases.beats() == {lease: None}
    services.leases.settle(lease, why=WHY)
    assert services.jobs.get(job.id).status is Status.FAILED
    assert services.leases.beats() == {}


def test_a_lease_with_a_new_heartbeat_is_not_rescued(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running()
    seen = services.leases.beats()[lease]
    services.leases.beat(lease)
    assert services.leases.settle(lease, why=WHY, worker_gone=True, unbeaten_since=seen) == ()
    assert services.jobs.get(job.id).status is Status.RUNNING
    assert services.leases.beat(lease)
    seen = services.leases.beats()[lease]
    assert len(services.leases.settle(lease, why=WHY, worker_gone=True, unbeaten_since=seen)) == 1
    assert not services.leases.beat(lease)


def test_the_clock_does_not_settle_a_lease_that_its_worker_has_settled(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    running(max_attempts=3)
    services.leases.settle(lease, why=WHY)
    assert services.leases.settle(lease, why=WHY, worker_gone=True, unbeaten_since=0) == ()


def test_repeated_interruptions_without_a_checkpoint_use_up_the_attempts(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    """A job that stops its own worker would otherwise run forever."""
    job = make(max_attempts=2)
    for number in range(1, MAX_INTERRUPTIONS + 3):
        lease = services.leases.open(HOLDER, "default")
        assert services.claims.claim("default", lease, fresh=True).attempt == number
        services.leases.settle(lease, why=WHY, hand_back=True)
    after = services.jobs.get(job.id)
    assert (after.status, after.max_attempts) == (Status.FAILED, MAX_INTERRUPTIONS + 2)
    assert after.errors[-1]["text"].startswith(f"It was interrupted {MAX_INTERRUPTIONS} times in a row without")
    outcomes = [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)]
    assert outcomes == ["interrupted"] * MAX_INTERRUPTIONS + ["lost", "failed"]


def test_a_killed_job_of_a_type_without_rerun_is_not_handed_back(services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(job_type("once", title="Once", max_attempts=3, rerun_lost=False)(handler))
    job = services.jobs.create_job("once")
    lease = services.leases.open(HOLDER, "default")
    services.claims.claim("default", lease, fresh=True)
    services.leases.settle(lease, why=WHY, hand_back=True)
    assert services.jobs.get(job.id).status is Status.FAILED


def test_a_lost_job_runs_again_only_if_its_type_allows_it(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(job_type("twice", title="Twice", max_attempts=3)(handler))
    services.registry.add(job_type("once", title="Once", max_attempts=3, rerun_lost=False)(handler))
    rerun, lost = services.jobs.create_job("twice"), services.jobs.create_job("once")
    for _ in range(2):
        services.claims.claim("default", lease, fresh=True)
    services.leases.settle(lease, why="The worker was killed.", worker_gone=True)
    assert services.jobs.get(rerun.id).status is Status.QUEUED
    assert services.jobs.get(lost.id).status is Status.STALE
    assert services.jobs.get(lost.id).finished_at is not None


@pytest.fixture
def group(services: Services, running: Callable[..., Job], lease: UUID) -> tuple[Job, Job, Job]:
    """Three claimed jobs of a work-horse, of which the first has completed, and the second one runs."""
    completed, runs, waits = running(), running(), running()
    file = services.begun_jobs.file_of(HOLDER.worker)
    assert file
    assert completed.started_at
    file.open(lease)
    file.begin(completed, completed.started_at)
    file.complete(completed.started_at, completed.started_at, 0.25, 2**30)
    file.begin(runs, completed.started_at)
    return completed, runs, waits


def test_a_dead_work_horse_loses_only_the_job_that_ran(
    services: Services, group: tuple[Job, Job, Job], lease: UUID, database: str
) -> None:
    services.leases.settle(lease, why=WHY, horse_pid=7, peak_memory=2**33)
    completed, failed, queued = (services.jobs.get(job.id) for job in group)
    assert [completed.status, failed.status, queued.status] == [Status.COMPLETED, Status.FAILED, Status.QUEUED]
    assert (queued.attempt, queued.started_at) == (0, None)
    [attempt] = services.queries.jobs.attempts(completed.id)
    assert (attempt.outcome, attempt.cpu_seconds, attempt.peak_memory) == ("completed", 0.25, 2**30)
    assert attempt.pid == os.getpid()
    assert broken(snapshot(services.engine)) == []


def test_a_rescue_trusts_no_notes_because_the_work_horse_may_be_alive(
    services: Services, group: tuple[Job, Job, Job], lease: UUID
) -> None:
    services.leases.settle(lease, why=WHY, worker_gone=True, unbeaten_since=0)
    assert {services.jobs.get(job.id).status for job in group} == {Status.STALE}


def test_the_job_that_runs_is_known_among_those_that_were_claimed(
    services: Services, group: tuple[Job, Job, Job], lease: UUID
) -> None:
    completed, runs, waits = group
    under_lease = services.leases.jobs_under(lease)
    assert under_lease.running
    assert under_lease.running.id == runs.id
    assert {job.id for job in under_lease.others} == {completed.id, waits.id}


def test_jobs_do_not_wait_for_a_long_one_that_was_claimed_with_them(
    services: Services, group: tuple[Job, Job, Job], lease: UUID, database: str
) -> None:
    services.leases.relieve(lease, services.leases.jobs_under(lease))
    statuses = [services.jobs.get(job.id).status for job in group]
    assert statuses == [Status.COMPLETED, Status.RUNNING, Status.QUEUED]
    assert services.leases.jobs_under(lease).others == ()
    end(services, group[1])
    assert broken(snapshot(services.engine)) == []


def test_nothing_is_freed_once_the_long_job_has_ended(
    services: Services, group: tuple[Job, Job, Job], lease: UUID
) -> None:
    under_lease = services.leases.jobs_under(lease)
    file = services.begun_jobs.file_of(HOLDER.worker)
    assert file
    file.open(lease)
    services.leases.relieve(lease, under_lease)
    assert {services.jobs.get(job.id).status for job in group} == {Status.RUNNING}
