from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import HOLDER, LOCATION
from webapp.db.engine import reading, writing
from webapp.jobs.launching.launches import LAUNCHED, Launches, NotLaunched
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import events, jobs, later
from webapp.schema import launches as launch_rows
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


def test_a_launched_job_is_running_says_so_and_has_no_worker(
    services: Services, launches: Launches, launched: Job, lease: UUID
) -> None:
    job = services.jobs.get(launched.id)
    assert (job.status, job.attempt, job.message) == (Status.RUNNING, 1, LAUNCHED)
    assert services.leases.running_job(lease) is None
    assert set(services.leases.beats()) == {lease}, "the clock must not take its lease for that of a dead worker"
    assert launches.waits(job.id)
    assert launches.count_waiting() == {"default": 1}
    assert services.figures.read().launched == {"default": 1}
    services.jobs.cancel(job.id)
    services.leases.settle(services.jobs.get(job.id).lease_id, why="")
    assert services.figures.read().launched == {}, "its process is no longer wanted"


def test_its_process_takes_it_over_once(services: Services, launches: Launches, launched: Job) -> None:
    job, lease_id = launches.begin(launched.id, HOLDER)
    assert (job.id, job.attempt, job.message, job.lease_id) == (launched.id, 1, "", lease_id)
    assert services.leases.running_job(lease_id) == job
    with pytest.raises(NotLaunched):
        launches.begin(launched.id, HOLDER)
    assert launches.count_waiting() == {}
    services.executor.run(job, LOCATION)
    assert services.jobs.get(job.id).status is Status.COMPLETED


def test_it_can_begin_before_the_command_has_returned(
    services: Services, launches: Launches, claimed: Job, lease: UUID
) -> None:
    lease_id = launches.open(claimed, HOLDER.host, 600)
    _, taken = launches.begin(claimed.id, HOLDER)
    assert launches.has_begun(claimed)
    launches.let_wait(claimed, lease, lease_id)
    assert services.jobs.get(claimed.id).lease_id == taken


def test_its_history_tells_where_it_was_launched_and_where_it_has_begun(
    services: Services, launches: Launches, launched: Job
) -> None:
    launches.begin(launched.id, HOLDER)
    with reading(services.engine) as connection:
        query = select(events.c.name, events.c.detail).where(events.c.job_id == launched.id).order_by(events.c.id)
        told = [tuple(row) for row in connection.execute(query)]
    assert told == [("created", ""), ("started", ""), ("launched", "h"), ("begun", "h")]


def test_a_process_that_comes_for_another_job_gets_nothing(
    services: Services, launches: Launches, claimed: Job
) -> None:
    with pytest.raises(NotLaunched, match="does not wait for a process"):
        launches.begin(claimed.id, HOLDER)
    assert services.jobs.get(claimed.id).lease_id == claimed.lease_id


def test_a_process_that_comes_after_the_next_launch_gets_that_one(
    services: Services, launches: Launches, launched: Job, lease: UUID
) -> None:
    services.leases.settle(services.jobs.get(launched.id).lease_id, why="It did not begin.")
    with pytest.raises(NotLaunched):
        launches.begin(launched.id, HOLDER)
    again = services.claims.claim("default", lease, fresh=True)
    launches.let_wait(again, lease, launches.open(again, HOLDER.host, 600))
    job, _ = launches.begin(launched.id, HOLDER)
    assert job.attempt == 2


def test_what_another_attempt_has_is_not_launched(services: Services, launches: Launches, claimed: Job) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == claimed.id).values(attempt=2))
    with pytest.raises(LeaseLost):
        launches.open(claimed, HOLDER.host, 600)
    assert not launches.waits(claimed.id)


def test_a_launch_is_overdue_when_its_time_is_over_or_its_job_is_to_stop(
    services: Services, launches: Launches, launched: Job
) -> None:
    assert launches.overdue() == {}
    services.jobs.cancel(launched.id)
    [sentence] = launches.overdue().values()
    assert sentence == "Its process did not begin within 10 min of its launch on h."


def test_a_process_is_unwanted_once_its_job_has_ended_or_runs_again(
    services: Services, launches: Launches, launched: Job
) -> None:
    assert launches.queues_with_processes_to_stop() == ()
    services.leases.settle(services.jobs.get(launched.id).lease_id, why="It did not begin.")
    assert launches.queues_with_processes_to_stop() == ("default",)
    [unwanted] = launches.to_stop("default")
    assert (unwanted.job.id, unwanted.attempt) == (launched.id, 1)
    launches.end(launched.id, 1)
    assert launches.to_stop("default") == ()
    assert launches.queues_with_processes_to_stop() == ()


def test_a_launch_of_the_past_is_overdue(services: Services, launches: Launches, launched: Job) -> None:
    late(services)
    assert len(launches.overdue()) == 1


def late(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(launch_rows).values(begin_by=later(-1), launched_at=later(-2)))
