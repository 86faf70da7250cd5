from collections.abc import Callable
from uuid import UUID

import pytest

from webapp.jobs.model.job import Job, Owner
from webapp.services import Services

Make = Callable[..., Job]
People = Callable[[], UUID]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


def order(services: Services, lease: UUID, count: int) -> list[UUID | None]:
    taken = [services.claims.claim("default", lease, fresh=True) for _ in range(count)]
    return [job.owner.user_id for job in taken if job]


def test_owners_take_turns(services: Services, people: People, lease: UUID) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 4, owner=Owner(user_id=ana))
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 6) == [ana, ben, ana, ben, ana, ana]


def test_a_single_job_waits_for_one_of_the_thousand_jobs_of_another_owner(
    services: Services, people: People, lease: UUID
) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 1000, owner=Owner(user_id=ana))
    order(services, lease, 300)
    services.jobs.create_job("nothing", owner=Owner(user_id=ben))
    assert ben in order(services, lease, 2)


def test_a_new_owner_gets_no_earlier_turn_than_the_current_one(services: Services, people: People, lease: UUID) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 10, owner=Owner(user_id=ana))
    order(services, lease, 5)
    services.jobs.create_many("nothing", [{}] * 3, owner=Owner(user_id=ben))
    assert order(services, lease, 6) == [ana, ben, ana, ben, ana, ben]


def test_system_jobs_take_turns_too(services: Services, people: People, lease: UUID) -> None:
    ana = people()
    services.jobs.create_many("nothing", [{}] * 2)
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ana))
    assert order(services, lease, 4) == [None, ana, None, ana]


def test_priority_comes_before_turns(services: Services, people: People, make: Make, lease: UUID) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ana))
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben), priority=200)
    assert order(services, lease, 4) == [ben, ben, ana, ana]


def test_a_queued_job_with_a_new_priority_is_claimed_next(services: Services, make: Make, lease: UUID) -> None:
    make()
    last = make()
    services.admin_jobs.set_priority(last.id, 900)
    assert services.claims.claim("default", lease, fresh=True).id == last.id
