from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import HOLDER, end
from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import holding_connections, is_sqlite, reading, writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.claim import count_queued
from webapp.schema import events, jobs
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.partitions]


def taken(services: Services, lease: UUID, *, fresh: bool = True) -> UUID | None:
    job = services.claims.claim("default", lease, fresh=fresh)
    return job.id if job else None


def test_jobs_are_claimed_by_priority_then_fair_share_then_age(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    old, young, greedy, urgent = make(), make(), make(), make(priority=200)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id != greedy.id).values(fair=1))
        connection.execute(update(jobs).where(jobs.c.id == old.id).values(fair=2))
        connection.execute(update(jobs).where(jobs.c.id == greedy.id).values(fair=2))
    order = [taken(services, lease) for _ in range(5)]
    assert order == [urgent.id, young.id, old.id, greedy.id, None]


def test_the_oldest_of_equal_jobs_is_claimed_first(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    ids = [make().id for _ in range(5)]
    assert [taken(services, lease) for _ in ids] == ids


def test_a_claim_starts_an_attempt_under_the_lease(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    made = make()
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    assert (job.id, job.status, job.attempt, job.lease_id) == (made.id, Status.RUNNING, 1, lease)
    assert made.created_at <= job.started_at <= job.heartbeat_at
    assert job == services.jobs.get(job.id)
    assert [(event.name, event.attempt) for event in services.queries.jobs.timeline(job.id)] == [
        ("created", 0),
        ("started", 1),
    ]


def test_a_new_attempt_resets_the_progress_and_keeps_the_checkpoint(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running()
    services.jobs.change(
        job.id, lambda old: old.with_progress_from_amounts(3, 4).with_message("half").with_state({"row": 3})
    )
    end(services, job, Status.QUEUED, outcome="interrupted")
    second_attempt = services.claims.claim("default", lease, fresh=True)
    assert second_attempt is not None
    assert (
        second_attempt.attempt,
        second_attempt.progress,
        second_attempt.done,
        second_attempt.total,
        second_attempt.message,
    ) == (2, 0.0, None, None, "")
    assert second_attempt.state == {"row": 3}


def test_a_claim_takes_no_job_of_another_queue(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    services.queues.add("other")
    make(queue="other")
    assert taken(services, lease) is None


def test_only_queued_jobs_are_claimed(services: Services, make: Callable[..., Job], lease: UUID, database: str) -> None:
    make()
    for status in (*(set(Status) - {Status.QUEUED, Status.COMPLETED}), Status.COMPLETED):
        with writing(services.engine) as connection:
            connection.execute(update(jobs).values(status=status.value))
        assert taken(services, lease) is None, status


def test_an_own_process_job_is_left_for_a_fresh_work_horse(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    own_process, second = make(), make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == own_process.id).values(own_process=True))
    assert taken(services, lease, fresh=False) is None, "it is the first in line, so no later job is claimed"
    assert taken(services, lease, fresh=True) == own_process.id
    assert taken(services, lease, fresh=False) == second.id


@pytest.mark.dialect(both=True)
def test_four_concurrent_claimers_claim_each_job_once(
    services: Services, make: Callable[..., Job], database: str, thorough: bool
) -> None:
    ids = {make().id for _ in range(200 if thorough else 60)}

    def claimer(_: int) -> list[UUID]:
        lease, claimed = services.leases.open(HOLDER, "default"), []
        while job := services.claims.claim("default", lease, fresh=True):
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(claimer, range(4)))
    assert sorted(id_ for share in shares for id_ in share) == sorted(ids)
    with reading(services.engine) as connection:
        assert set(connection.execute(select(jobs.c.attempt)).scalars()) == {1}
        started = connection.execute(select(events.c.job_id).where(events.c.name == "started")).scalars().all()
    assert sorted(started) == sorted(ids)


@pytest.mark.partitions(leave_out=True)  # each partition is a step of the plan
@pytest.mark.dialect(both=True)
def test_the_claim_uses_its_partial_index(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    make()
    with recorded(services.engine) as sent:
        taken(services, lease)
    plan = plan_of(services.engine, *sent[0], as_if_large=True)
    assert "ix_jobs_claim" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.dialect(both=True)
def test_the_connections_of_claims_are_opened_with_a_claim_that_takes_no_job(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = make()
    with recorded(services.engine) as first, holding_connections():
        services.claims.connect()
    assert services.jobs.get(job.id) == job
    with recorded(services.engine) as sent:
        assert taken(services, lease) == job.id
    assert [text for text, _ in first] == ([] if is_sqlite(services.engine) else [sent[0][0]])


def test_queued_jobs_are_counted_up_to_a_ceiling(services: Services, make: Callable[..., Job], database: str) -> None:
    for _ in range(5):
        make()
    with reading(services.engine) as connection:
        assert count_queued(connection, "default", ceiling=3) == 3
        assert count_queued(connection, "default", ceiling=9) == 5
        assert count_queued(connection, "other", ceiling=9) == 0
