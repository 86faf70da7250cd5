from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.jobs.conftest import HOLDER, Nothing, end
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.policies import Limits
from webapp.jobs.queueing.claim import Claims
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


@pytest.fixture
def claims(services: Services) -> Claims:
    """Limit the type "narrow" to two running jobs, and the type "single" to one per owner."""

    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(job_type("narrow", title="Narrow", max_running=2)(handler))
    services.registry.add(job_type("single", title="Single", max_running_per_owner=1)(handler))
    return Claims(services.engine, {each.name: each.limits for each in services.registry})


def take(services: Services, claims: Claims) -> Job | None:
    return claims.claim("default", services.leases.open(HOLDER, "default"), fresh=True)


def test_a_type_has_a_concurrency_limit(services: Services, claims: Claims) -> None:
    services.jobs.create_many("narrow", [{}] * 3)
    first, second = take(services, claims), take(services, claims)
    assert take(services, claims) is None
    assert not claims.has_claimable("default")
    end(services, first)
    assert take(services, claims) is not None
    assert second is not None


def test_jobs_of_other_types_are_claimed_past_a_full_type(services: Services, claims: Claims) -> None:
    services.jobs.create_many("narrow", [{}] * 3)
    services.jobs.create_job("nothing")
    assert [take(services, claims).type for _ in range(3)] == ["narrow", "narrow", "nothing"]


def test_each_owner_has_a_separate_limit(services: Services, claims: Claims, people: Callable[[], UUID]) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("single", [{}] * 2, owner=Owner(user_id=ana))
    services.jobs.create_many("single", [{}] * 2, owner=Owner(user_id=ben))
    services.jobs.create_many("single", [{}] * 2)
    taken = [take(services, claims) for _ in range(4)]
    assert {job.owner.user_id for job in taken if job} == {ana, ben, None}
    assert taken[3] is None


def test_a_queue_has_a_concurrency_limit(services: Services, claims: Claims) -> None:
    services.jobs.create_many("nothing", [{}] * 3)
    services.queues.limit("default", 2)
    assert take(services, claims) is not None
    assert take(services, claims) is not None
    assert take(services, claims) is None
    services.queues.limit("default", None)
    assert take(services, claims) is not None


@pytest.mark.dialect(both=True)
def test_limits_are_exact_with_many_workers(services: Services, claims: Claims) -> None:
    services.jobs.create_many("narrow", [{}] * 20)
    leases = [services.leases.open(HOLDER, "default") for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda lease: claims.claim("default", lease, fresh=True), leases))
    assert sum(job is not None for job in taken) == 2


def test_limits_are_true_only_if_one_is_set() -> None:
    assert not Limits()
    assert Limits(running=1)
    assert Limits(running_per_owner=1)
