from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import OperationalError

from tests.jobs.conftest import LOCATION, Nothing
from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending, FamilyShape
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.model.policies import Limits
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.next_claim import Group, NextClaim
from webapp.jobs.store import signals
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import jobs
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database"), pytest.mark.partitions]
COMPLETED = Ending(status=Status.COMPLETED, outcome=EventName.COMPLETED)


def end_and_claim(services: Services, job: Job, lease: UUID, ending: Ending = COMPLETED) -> NextClaim:
    claim = services.claims.next_claim("default", lease)
    assert claim is not None
    shape = finish_attempt.family_shape_of(job, ending)
    with writing(services.engine) as connection:
        finish_attempt.end_attempt(connection, job, LOCATION, ending, shape=shape, next_claim=claim)
    return claim


def test_the_next_job_is_claimed_with_the_end_of_a_job(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    first, second = running(), make()
    claim = end_and_claim(services, first, lease)
    job = claim.take()
    assert job is not None
    assert (job.id, job.status, job.attempt, job.lease_id) == (second.id, Status.RUNNING, 1, lease)
    assert job == services.jobs.get(second.id)
    assert services.jobs.get(first.id).status is Status.COMPLETED
    assert [event.name for event in services.queries.jobs.timeline(second.id)] == ["created", "started"]


@pytest.mark.partitions(leave_out=True)  # each partition is a step of the plan
@pytest.mark.dialect(both=True)
def test_the_claim_uses_its_partial_index(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    first, _ = running(), make()
    with recorded(services.engine) as sent:
        end_and_claim(services, first, lease)
    plans = [plan_of(services.engine, *each, as_if_large=True) for each in sent if "LIMIT 1" in each[0]]
    assert any("ix_jobs_claim" in plan for plan in plans)
    assert not any("TEMP B-TREE" in plan or "Sort" in plan for plan in plans)


def test_a_job_ends_although_no_other_one_is_queued(
    services: Services, running: Callable[..., Job], lease: UUID
) -> None:
    first = running()
    claim = end_and_claim(services, first, lease)
    assert (claim.is_made, claim.take()) == (True, None)
    assert services.jobs.get(first.id).status is Status.COMPLETED


def test_an_attempt_that_lost_its_lease_claims_nothing(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    first, second = running(), make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == first.id).values(attempt=2))
    with pytest.raises(LeaseLost):
        end_and_claim(services, first, lease)
    assert services.jobs.get(second.id).status is Status.QUEUED


def test_a_work_horse_whose_lease_ended_claims_nothing(
    services: Services, running: Callable[..., Job], make: Callable[..., Job]
) -> None:
    first, second = running(), make()
    claim = end_and_claim(services, first, uuid4())
    assert claim.take() is None
    assert services.jobs.get(first.id).status is Status.COMPLETED
    assert services.jobs.get(second.id).status is Status.QUEUED


def test_a_child_is_counted_and_its_sibling_claimed(services: Services, lease: UUID) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        for _ in range(3):
            job.spawn("nothing")

    services.registry.add(job_type("root", title="Root")(root))
    created = services.jobs.create_job("root")
    while services.work_horse().drain("default", lease, LOCATION):
        continue
    family = services.jobs.get(created.id)
    assert (family.status, family.parts, family.parts_completed) == (Status.COMPLETED, 3, 3)


def test_a_child_whose_root_does_not_wait_is_not_ended_and_claims_nothing(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    services.queues.add("other")
    child, other, root = running(), make(), make(queue="other")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == child.id).values(root_id=root.id))
    claim = services.claims.next_claim("default", lease)

    def end() -> None:
        with writing(services.engine) as connection:
            finish_attempt.end_attempt(
                connection,
                services.jobs.get(child.id),
                LOCATION,
                COMPLETED,
                shape=FamilyShape.CHILD,
                next_claim=claim,
            )

    with pytest.raises(LeaseLost):
        end()
    assert claim is not None
    assert (claim.is_made, claim.take()) == (False, None)
    assert services.jobs.get(child.id).status is Status.RUNNING
    assert services.jobs.get(other.id).status is Status.QUEUED


@pytest.mark.parametrize("restrict", ["pause", "disable", "limit"])
def test_restricted_queues_and_types_are_left_to_a_claim_of_its_own(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID, restrict: str
) -> None:
    first, second = running(), make()
    if restrict == "pause":
        services.queues.pause("default")
    elif restrict == "disable":
        services.disabled_types.disable("another")
    else:
        services.queues.limit("default", 1)
    claim = end_and_claim(services, first, lease)
    assert claim.take() is None
    job = services.claims.claim_restricted("default", lease)
    assert (job.id if job else None) == (None if restrict == "pause" else second.id)


def test_limits_of_types_need_a_transaction_of_their_own(services: Services, lease: UUID) -> None:
    claims = Claims(services.engine, {"nothing": Limits(running=1)})
    assert claims.next_claim("default", lease) is None


def test_an_own_process_job_is_left_for_a_fresh_work_horse(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    first, second = running(), make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == second.id).values(own_process=True))
    assert end_and_claim(services, first, lease).take() is None
    assert services.jobs.get(second.id).status is Status.QUEUED


def test_a_claim_that_fails_does_not_keep_the_job_from_ending(
    services: Services, make: Callable[..., Job], lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make() for _ in range(3)]
    real, failures = finish_attempt.end_attempt, []

    def fail_with_claim(connection: Connection, *arguments: Any, **named: Any) -> None:
        real(connection, *arguments, **named)
        if named.get("next_claim"):
            failures.append(1)
            raise OperationalError("…", {}, Exception("deadlock detected"))

    monkeypatch.setattr(finish_attempt, "end_attempt", fail_with_claim)
    while services.work_horse().drain("default", lease, LOCATION):
        continue  # a replaced connection looks like a file that a job has closed, which ends a work-horse
    assert failures
    with reading(services.engine) as connection:
        rows = connection.execute(select(jobs.c.status, jobs.c.attempt)).all()
    assert [tuple(row) for row in rows] == [("completed", 1)] * len(made)


def test_the_end_is_signalled_before_the_next_start(services: Services, make: Callable[..., Job], lease: UUID) -> None:
    first, second = make(), make()
    sent: list[tuple[str, UUID]] = []

    def started(_type: str, job: Job) -> None:
        sent.append(("started", job.id))

    def completed(_type: str, job: Job) -> None:
        sent.append(("completed", job.id))

    with signals.job_started.connected_to(started), signals.job_completed.connected_to(completed):
        while services.work_horse().drain("default", lease, LOCATION):
            continue
    assert sent == [(name, job.id) for job in (first, second) for name in ("started", "completed")]


def test_jobs_that_are_claimed_together_have_the_same_start(
    services: Services, make: Callable[..., Job], lease: UUID
) -> None:
    made = [make() for _ in range(20)]
    claim = services.claims.next_claim("default", lease, Group(20, "nothing"))
    assert claim is not None
    with writing(services.engine) as connection:
        claim.execute(connection)
    assert len({services.jobs.get(job.id).started_at for job in made}) == 1
