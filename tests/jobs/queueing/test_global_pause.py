from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.invariants.limits import checks
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.next_claim import Group
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_no_job_of_any_queue_is_claimed_and_running_ones_continue(
    services: Services, make: Callable[..., Job], running: Callable[..., Job], lease: UUID
) -> None:
    begun, job = running(), make()
    services.global_pause.pause(reason="upgrade")
    assert services.claims.claim("default", lease, fresh=True) is None
    assert services.claims.claim_one(job.id, "default", lease) is None
    assert not services.claims.has_claimable("default")
    assert top_up_wake_ups(services.engine, lambda _name, rows: rows) == {}
    assert services.jobs.get(begun.id).status is Status.RUNNING
    services.global_pause.resume()
    assert services.claims.claim("default", lease, fresh=True).id == job.id


def test_the_claim_with_the_end_of_a_job_finds_none(services: Services, make: Callable[..., Job], lease: UUID) -> None:
    job = make()
    services.global_pause.pause()
    for group in (None, Group(4, job.type)):
        claim = services.claims.next_claim("default", lease, group)
        with writing(services.engine) as connection:
            claim.execute(connection)
        assert claim.take() is None


def test_a_pause_keeps_its_time_and_takes_the_newest_reason(services: Services, people: Callable[[], UUID]) -> None:
    ana = people()
    first = services.global_pause.pause(reason="one")
    second = services.global_pause.pause(reason="two", by=ana)
    assert (second.since, second.reason, second.by) == (first.since, "two", ana)
    assert "" not in {queue.name for queue in services.queues.all()}
    services.global_pause.resume()
    services.global_pause.resume()
    assert services.global_pause.get() is None


def test_a_queue_with_a_pause_of_its_own_stays_paused(
    services: Services, make: Callable[..., Job], lease: UUID
) -> None:
    make()
    services.queues.pause("default")
    services.global_pause.pause()
    services.global_pause.resume()
    assert services.claims.claim("default", lease, fresh=True) is None


def test_a_job_that_starts_all_the_same_violates_an_invariant(services: Services, running: Callable[..., Job]) -> None:
    def violations() -> dict[str, int]:
        return {check.rule: check.run().count for check in checks(services.engine, {})}

    rule = "No job starts while everything is paused."
    job, pause = running(), services.global_pause.pause()
    assert violations()[rule] == 0
    late: dict[str, Any] = {"started_at": pause.since.replace(year=pause.since.year + 1)}
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**late))
    assert violations()[rule] == 1
