"""Roots and children, dependents: who ends whom, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.conftest import HOLDER, LOCATION, Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import InvalidPayload, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle import finish_family
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


@pytest.fixture
def drain(services: Services, lease: UUID) -> Callable[[], list[Job]]:
    """Run all that waits; return the jobs as they stand then, in the order they ran."""

    def drain() -> list[Job]:
        ran = []
        while services.claims.has_claimable("default"):
            ran.append(run_once(services, "default", lease))
        return ran

    return drain


@pytest.fixture(autouse=True)
def kinds(services: Services) -> None:
    def fails(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    services.registry.add(job_type("fails", title="Fails")(fails))


def spawning(*children: str) -> Callable[[JobContext, Nothing], None]:
    def handler(job: JobContext, payload: Nothing) -> None:
        for child in children:
            job.spawn(child)

    return handler


def test_children_are_held_until_all_of_them_exist(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        assert [child.status for child in services.queries.related.children(job.id)] == [Status.HELD]
        job.spawn("nothing")

    root = run(handler)
    assert root.status is Status.WAITING
    assert [child.status for child in services.queries.related.children(root.id)] == [Status.QUEUED, Status.QUEUED]


def test_a_root_completes_with_its_last_child(run: Run, services: Services, drain: Callable[[], Any]) -> None:
    root = run(spawning("nothing", "nothing", "nothing"))
    drain()
    ended = services.jobs.get(root.id)
    assert (ended.status, ended.progress, ended.parts, ended.parts_completed) == (Status.COMPLETED, 100.0, 3, 3)
    assert ended.finished_at is not None


def test_a_root_without_children_completes(run: Run) -> None:
    assert run(spawning()).status is Status.COMPLETED


def test_the_progress_of_a_root_is_that_of_its_children(run: Run, services: Services, lease: UUID) -> None:
    root = run(spawning("nothing", "nothing", "nothing"))
    run_once(services, "default", lease)
    assert services.jobs.get(root.id).progress == 33.33


def test_a_failed_child_fails_its_root(run: Run, services: Services, drain: Callable[[], Any]) -> None:
    root = run(spawning("nothing", "fails"))
    drain()
    ended = services.jobs.get(root.id)
    assert ended.status is Status.FAILED
    assert ended.errors[-1]["text"] == "1 of 2 child jobs failed."


def test_a_tolerant_root_completes_with_a_warning(services: Services, drain: Callable[[], Any]) -> None:
    services.registry.add(job_type("root", title="Root")(spawning("nothing", "fails")))
    root = services.jobs.create_job("root", tolerant=True)
    drain()
    ended = services.jobs.get(root.id)
    assert ended.status is Status.COMPLETED
    assert ended.warnings[-1]["text"] == "1 of 2 child jobs failed."


def test_a_child_cannot_have_children(run: Run, services: Services, drain: Callable[[], list[Job]]) -> None:
    services.registry.add(job_type("child", title="Child")(spawning("nothing")))
    root = run(spawning("child"))
    [child] = drain()
    assert child.status is Status.FAILED
    assert "two levels" in child.errors[-1]["text"]
    assert services.jobs.get(root.id).status is Status.FAILED


def test_a_failed_root_stops_its_children(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        raise ValueError("broken")

    root = run(handler)
    assert root.status is Status.FAILED
    assert [child.status for child in services.queries.related.children(root.id)] == [Status.CANCELLED]


def test_a_retried_root_creates_its_children_again(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        raise ValueError("broken")

    root = run(handler, max_attempts=2)
    assert root.status is Status.SCHEDULED
    assert services.queries.related.children(root.id) == ()
    assert root.parts == 0


def test_spawning_a_name_again_returns_the_id_of_its_child(run: Run, services: Services, lease: UUID) -> None:
    ids: list[UUID] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        ids.append(job.spawn("nothing", name="january"))
        ids.append(job.spawn("nothing", name="january"))
        job.flush_children()
        ids.append(job.spawn("nothing", name="january"))
        if job.attempt == 1:
            services.jobs.release(job.id)  # so that a retry keeps it
            raise ValueError("broken")

    root = run(handler, max_attempts=2)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == root.id).values(status="queued", priority=500))
    run_once(services, "default", lease)
    [child] = services.queries.related.children(root.id)
    assert ids == [child.id] * 6


def test_a_named_child_is_created_once(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in range(2):
            job.spawn("nothing", name="january")
            job.flush_children()

    root = run(handler)
    assert [child.child_name for child in services.queries.related.children(root.id)] == ["january"]
    assert root.parts == 1


def test_a_child_belongs_to_its_roots_owner(run: Run, services: Services, people: Callable[[], UUID]) -> None:
    root = run(spawning("nothing"), owner=Owner(user_id=people()))
    assert services.queries.related.children(root.id)[0].owner == root.owner


def test_an_invalid_child_is_rejected_at_once(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        with pytest.raises(InvalidPayload, match="what: "):
            job.spawn("nothing", {"what": 1})

    assert run(handler).status is Status.COMPLETED


@pytest.mark.dialect(both=True)
def test_children_that_end_at_the_same_time_are_all_counted(run: Run, services: Services) -> None:
    root = run(spawning(*["nothing"] * 24))

    def work() -> None:
        mine = services.leases.open(HOLDER, "default")
        claimed = services.claims.claim("default", mine, fresh=True)
        while claimed:
            end_of(services, claimed)
            claimed = services.claims.claim("default", mine, fresh=True)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work) for _ in range(4)]:
            done.result()
    ended = services.jobs.get(root.id)
    assert (ended.status, ended.parts_completed) == (Status.COMPLETED, 24)


def test_a_dependent_starts_when_its_predecessor_has_completed(
    make: Run, services: Services, drain: Callable[[], Any]
) -> None:
    first = make()
    second = make(after=[first.id])
    assert second.status is Status.HELD
    assert [job.id for job in drain()] == [first.id, second.id]
    assert services.jobs.get(second.id).status is Status.COMPLETED


def test_a_dependent_waits_for_all_predecessors(make: Run, services: Services, lease: UUID) -> None:
    first, other = make(), make()
    third = make(after=[first.id, other.id])
    run_once(services, "default", lease)
    assert services.jobs.get(third.id).status is Status.HELD
    run_once(services, "default", lease)
    assert services.jobs.get(third.id).status is Status.QUEUED


def test_a_failure_stops_its_dependents_and_theirs(make: Run, services: Services, drain: Callable[[], Any]) -> None:
    first = services.jobs.create_job("fails")
    second = make(after=[first.id])
    third = make(after=[second.id])
    drain()
    assert {services.jobs.get(job.id).status for job in (second, third)} == {Status.CANCELLED}


def test_on_finish_starts_a_dependent_after_any_end(make: Run, services: Services, drain: Callable[[], Any]) -> None:
    second = make(after=[services.jobs.create_job("fails").id], on_finish=True)
    drain()
    assert services.jobs.get(second.id).status is Status.COMPLETED


def test_a_dependent_of_an_ended_job_starts_at_once(make: Run, drain: Callable[[], Any], services: Services) -> None:
    first = make()
    drain()
    assert make(after=[first.id]).status is Status.QUEUED
    failed = services.jobs.create_job("fails")
    drain()
    assert make(after=[failed.id]).status is Status.CANCELLED


def test_a_root_can_have_dependents(run: Run, make: Run, services: Services, drain: Callable[[], Any]) -> None:
    root = run(spawning("nothing"))
    second = make(after=[root.id])
    drain()
    assert services.jobs.get(second.id).status is Status.COMPLETED


def test_a_handler_can_create_dependents_of_its_job(run: Run, services: Services, drain: Callable[[], Any]) -> None:
    made: list[UUID] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        made.append(job.after("nothing"))
        assert services.jobs.get(made[0]).status is Status.HELD

    run(handler)
    assert services.jobs.get(made[0]).status is Status.QUEUED


def test_a_delayed_dependent_waits_for_its_predecessor_and_its_time(
    make: Run, services: Services, drain: Callable[[], Any]
) -> None:
    first = make()
    second = make(after=[first.id], delay=timedelta(hours=1))
    drain()
    assert services.jobs.get(second.id).status is Status.SCHEDULED


def test_a_dependency_on_a_missing_job_is_rejected(make: Run, services: Services) -> None:
    with pytest.raises(JobNotFound):
        make(after=[uuid4()])
    assert services.queries.all_jobs.newest(1) == ()


def test_a_negative_delay_is_rejected(make: Run) -> None:
    with pytest.raises(BadRequest, match="of zero or more"):
        make(delay=timedelta(seconds=-1))


def end_of(services: Services, job: Job) -> None:
    with writing(services.engine) as connection:
        finish_family.end_attempt(connection, job, LOCATION, Ending(status=Status.COMPLETED, outcome="completed"))


def test_a_child_with_a_dependent_starts(run: Run, make: Run, services: Services, drain: Callable[[], Any]) -> None:
    dependents: list[UUID] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        child = job.spawn("nothing")
        job.flush_children()
        dependents.append(make(after=[child]).id)

    root = run(handler)
    drain()
    assert services.jobs.get(root.id).status is Status.COMPLETED
    assert services.jobs.get(dependents[0]).status is Status.COMPLETED


@pytest.mark.parametrize("max_attempts", [1, 2])
def test_a_dependent_of_a_discarded_child_is_stopped(
    run: Run, make: Run, services: Services, max_attempts: int
) -> None:
    dependents: list[UUID] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        child = job.spawn("nothing")
        job.flush_children()
        dependents.append(make(after=[child]).id)
        raise ValueError("broken")

    run(handler, max_attempts=max_attempts)
    assert services.jobs.get(dependents[0]).status is Status.CANCELLED


def test_a_stopping_root_starts_no_child(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.jobs.cancel(job.id)
        job.spawn("nothing")

    root = run(handler)
    assert root.status is Status.CANCELLED
    assert [child.status for child in services.queries.related.children(root.id)] == [Status.CANCELLED]


def test_a_child_that_is_stopped_with_its_root_has_an_event(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        raise ValueError("broken")

    [child] = services.queries.related.children(run(handler).id)
    assert [event.name for event in services.queries.jobs.timeline(child.id)] == ["created", "cancelled"]
    assert child.version == 2


def test_a_child_with_a_start_time_waits_for_it(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing", run_at=services.queries.jobs.now() + timedelta(hours=1))

    [child] = services.queries.related.children(run(handler).id)
    assert child.status is Status.SCHEDULED


def test_a_root_that_continues_in_another_work_horse_keeps_its_children(
    services: Services, running: Callable[..., Job]
) -> None:
    root = running()
    services.jobs.add_children(root, [services.jobs.child_of(root, "nothing", None, None, {})])
    with writing(services.engine) as connection:
        finish_family.end_attempt(connection, root, LOCATION, Ending(status=Status.QUEUED, outcome="continued"))
    assert [child.status for child in services.queries.related.children(root.id)] == [Status.HELD]


def test_a_dependent_that_is_stopped_stops_its_children(
    make: Run, services: Services, drain: Callable[[], Any]
) -> None:
    root = make(after=[services.jobs.create_job("fails").id])
    child = services.jobs.create_child_job(root.id, "nothing")
    drain()
    assert services.jobs.get(root.id).status is Status.CANCELLED
    assert services.jobs.get(child.id).status is Status.CANCELLED


def test_a_dependent_of_a_root_and_its_child_needs_both_to_complete(
    run: Run, make: Run, services: Services, drain: Callable[[], Any]
) -> None:
    root = run(spawning("fails", "nothing"))
    last = services.queries.related.children(root.id)[1]
    dependent = make(after=[root.id, last.id])
    drain()
    assert services.jobs.get(last.id).status is Status.COMPLETED
    assert services.jobs.get(root.id).status is Status.FAILED
    assert services.jobs.get(dependent.id).status is Status.CANCELLED
