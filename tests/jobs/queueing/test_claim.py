from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import HOLDER, end
from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import reading, writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.claim import count_queued
from webapp.schema import events, jobs
from webapp.services import Services

pytestmark = pytest.mark.dialect


def taken(services: Services, lease: UUID, *, fresh: bool = True) -> UUID | None:
    job = services.claims.claim("default", lease, fresh=fresh)
    return job.id if job else None


def test_the_highest_priority_is_taken_then_the_fair_share_then_the_oldest(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    old, young, greedy, urgent = make(), make(), make(), make(priority=200)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id != greedy.id).values(fair=1))
        connection.execute(update(jobs).where(jobs.c.id == old.id).values(fair=2))
        connection.execute(update(jobs).where(jobs.c.id == greedy.id).values(fair=2))
    order = [taken(services, lease) for _ in range(5)]
    assert order == [urgent.id, young.id, old.id, greedy.id, None]


def test_of_equals_the_oldest_is_taken(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    ids = [make().id for _ in range(5)]
    assert [taken(services, lease) for _ in ids] == ids


def test_a_claim_begins_an_attempt_under_the_lease(
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


def test_what_the_last_attempt_said_is_gone_but_its_checkpoint_is_kept(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running()
    services.jobs.change(
        job.id, lambda old: old.with_progress_from_amounts(3, 4).with_message("half").with_state({"row": 3})
    )
    end(services, job, Status.QUEUED, outcome="interrupted")
    again = services.claims.claim("default", lease, fresh=True)
    assert again is not None
    assert (again.attempt, again.progress, again.done, again.total, again.message) == (2, 0.0, None, None, "")
    assert again.state == {"row": 3}


def test_there_is_nothing_to_claim_in_an_empty_or_another_queue(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    services.queues.add("other")
    make(queue="other")
    assert taken(services, lease) is None


def test_only_waiting_jobs_are_taken(services: Services, make: Callable[..., Job], lease: UUID, database: str) -> None:
    make()
    for status in (*(set(Status) - {Status.QUEUED, Status.COMPLETED}), Status.COMPLETED):
        with writing(services.engine) as connection:
            connection.execute(update(jobs).values(status=status.value))
        assert taken(services, lease) is None, status


def test_a_job_of_its_own_process_is_left_for_a_fresh_horse(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    alone, next_one = make(), make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == alone.id).values(own_process=True))
    assert taken(services, lease, fresh=False) is None, "it is the best one, so nothing is taken past it"
    assert taken(services, lease, fresh=True) == alone.id
    assert taken(services, lease, fresh=False) == next_one.id


def test_two_hundred_jobs_are_taken_once_each_by_four_at_a_time(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    ids = {make().id for _ in range(200)}

    def claimer(_: int) -> list[UUID]:
        lease, mine = services.leases.open(HOLDER, "default"), []
        while job := services.claims.claim("default", lease, fresh=True):
            mine.append(job.id)
        return mine

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(claimer, range(4)))
    assert sorted(id_ for share in shares for id_ in share) == sorted(ids)
    with reading(services.engine) as connection:
        assert set(connection.execute(select(jobs.c.attempt)).scalars()) == {1}
        started = connection.execute(select(events.c.job_id).where(events.c.name == "started")).scalars().all()
    assert sorted(started) == sorted(ids)


def test_the_claim_walks_its_partial_index(
    services: Services, make: Callable[..., Job], lease: UUID, database: str
) -> None:
    make()
    with recorded(services.engine) as sent:
        taken(services, lease)
    plan = plan_of(services.engine, *sent[1 if database == "sqlite" else 0], as_if_large=True)
    assert "ix_jobs_claim" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_waiting_jobs_are_counted_up_to_a_ceiling(services: Services, make: Callable[..., Job], database: str) -> None:
    for _ in range(5):
        make()
    with reading(services.engine) as connection:
        assert count_queued(connection, "default", ceiling=3) == 3
        assert count_queued(connection, "default", ceiling=9) == 5
        assert count_queued(connection, "other", ceiling=9) == 0
