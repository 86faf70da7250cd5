from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import LOCATION, end
from tests.jobs.row_invariants import broken, snapshot
from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import reading, writing, writing_autocommit
from webapp.jobs.execution.groups.finish_group import CompletedAttempt, complete_group
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.next_claim import Group, NextClaim
from webapp.jobs.store import signals
from webapp.jobs.store.fence import LeaseLost
from webapp.schema import attempts, jobs
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database"), pytest.mark.partitions]


def completed(job: Job, after: float = 1.0) -> CompletedAttempt:
    assert job.started_at
    return CompletedAttempt(
        job=job,
        started_at=job.started_at + timedelta(seconds=after),
        finished_at=job.started_at + timedelta(seconds=after + 0.5),
        cpu_seconds=0.25,
        peak_memory=2**33,
    )


def complete(services: Services, group: Sequence[Job], claim: NextClaim | None = None) -> None:
    with writing_autocommit(services.engine) as connection:
        complete_group(connection, [completed(job) for job in group], LOCATION, claim)


def claim_of(services: Services, lease: UUID, size: int) -> NextClaim:
    claim = services.claims.next_claim("default", lease, Group(size, "nothing"))
    assert claim
    return claim


def test_each_attempt_keeps_its_own_times(services: Services, running: Callable[..., Job]) -> None:
    group = [running(), running()]
    complete(services, group)
    for job in group:
        ended = services.jobs.get(job.id)
        times = completed(job)
        assert (ended.status, ended.progress, ended.lease_id) == (Status.COMPLETED, 100, None)
        assert (ended.started_at, ended.finished_at) == (times.started_at, times.finished_at)
        [attempt] = services.queries.jobs.attempts(job.id)
        assert (attempt.outcome, attempt.worker, attempt.number) == ("completed", "w", 1)
        assert (attempt.started_at, attempt.finished_at) == (times.started_at, times.finished_at)
        assert (attempt.cpu_seconds, attempt.peak_memory) == (0.25, 2**33)
        assert [event.name for event in services.queries.jobs.timeline(job.id)] == ["created", "started", "completed"]
    assert broken(snapshot(services.engine)) == []


def test_receivers_learn_of_each_job(services: Services, running: Callable[..., Job]) -> None:
    seen: list[UUID] = []

    def receive(_type: str, job: Job) -> None:
        seen.append(job.id)

    group = [running(), running()]
    with signals.job_completed.connected_to(receive):
        complete(services, group)
    assert sorted(seen) == sorted(job.id for job in group)


def test_nothing_is_written_if_one_of_them_has_lost_its_lease(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    group = [running(), running(), running()]
    waiting = make()
    end(services, group[1], Status.FAILED, error="It broke.")
    claim = claim_of(services, lease, 4)
    with pytest.raises(LeaseLost):
        complete(services, group, claim)
    statuses = [services.jobs.get(job.id).status for job in (*group, waiting)]
    assert statuses == [Status.RUNNING, Status.FAILED, Status.RUNNING, Status.QUEUED]
    with reading(services.engine) as connection:
        assert len(connection.execute(select(attempts)).all()) == 1


def test_nothing_is_written_if_the_end_of_one_affects_others(services: Services, running: Callable[..., Job]) -> None:
    group = [running(), running()]
    services.jobs.create_job("nothing", after=[group[1].id])
    with pytest.raises(LeaseLost):
        complete(services, group)
    assert services.jobs.get(group[0].id).status is Status.RUNNING


def children(services: Services, running: Callable[..., Job], lease: UUID, count: int) -> tuple[Job, list[Job]]:
    root = running()
    services.jobs.add_children(root, [services.jobs.child_of(root, "nothing", None, None, {}) for _ in range(count)])
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == root.id).values(status="waiting", lease_id=None))
        connection.execute(update(jobs).where(jobs.c.root_id == root.id).values(status="queued"))
    claimed = [services.claims.claim("default", lease, fresh=True) for _ in range(count)]
    return root, [job for job in claimed if job]


def test_children_are_counted_at_their_root(services: Services, running: Callable[..., Job], lease: UUID) -> None:
    root, group = children(services, running, lease, 4)
    complete(services, group[:3])
    found = services.jobs.get(root.id)
    assert (found.parts_completed, found.progress, found.status) == (3, 75, Status.WAITING)
    assert [services.jobs.get(job.id).status for job in group[:3]] == [Status.COMPLETED] * 3


def test_the_last_children_of_a_root_are_left_to_the_caller(
    services: Services, running: Callable[..., Job], lease: UUID
) -> None:
    root, group = children(services, running, lease, 3)
    with pytest.raises(LeaseLost):
        complete(services, group)
    assert services.jobs.get(root.id).parts_completed == 0
    assert {services.jobs.get(job.id).status for job in group} == {Status.RUNNING}


@pytest.mark.parametrize("size", [2, 4, 10])
def test_the_next_group_is_claimed_in_the_same_transaction(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID, size: int
) -> None:
    group = [running(), running()]
    waiting = [make() for _ in range(size + 1)]
    claim = claim_of(services, lease, size)
    complete(services, group, claim)
    taken = [claim.take(), *(claim.rest.begin() for _ in range(len(claim.rest)))]
    assert [job.id for job in taken if job] == [job.id for job in waiting[:size]]
    for job in waiting[:size]:
        assert (services.jobs.get(job.id).lease_id, services.jobs.get(job.id).attempt) == (lease, 1)
        assert [event.name for event in services.queries.jobs.timeline(job.id)] == ["created", "started"]
    assert services.jobs.get(waiting[-1].id).status is Status.QUEUED


@pytest.mark.partitions(leave_out=True)  # each partition is a step of the plan
@pytest.mark.dialect(both=True)
def test_no_statement_reads_a_whole_table(
    services: Services, running: Callable[..., Job], make: Callable[..., Job], lease: UUID
) -> None:
    group = [running(), running()]
    make()
    with recorded(services.engine) as sent:
        complete(services, group, claim_of(services, lease, 10))
    plans = [plan_of(services.engine, *each, as_if_large=True) for each in sent]
    assert any("ix_jobs_claim" in plan for plan in plans)
    assert not any("SCAN jobs" in plan or "Seq Scan on jobs" in plan for plan in plans), plans
