from collections.abc import Callable
from uuid import UUID

import pytest

from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.queues import QueueLoad, UnknownQueue
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_jobs_of_a_paused_queue_are_not_claimed(
    services: Services, make: Callable[..., Job], lease: UUID, people: Callable[[], UUID]
) -> None:
    ana, job = people(), make()
    paused = services.queues.pause("default", reason="database move", by=ana)
    assert (paused.reason, paused.paused_by) == ("database move", ana)
    assert paused.paused_at is not None
    assert services.claims.claim("default", lease, fresh=True) is None
    assert not services.claims.has_claimable("default")
    services.queues.resume("default")
    assert services.claims.claim("default", lease, fresh=True).id == job.id


def test_pausing_a_paused_queue_keeps_the_first_time(services: Services) -> None:
    first = services.queues.pause("default", reason="one").paused_at
    assert services.queues.pause("default", reason="two").paused_at == first


def test_running_jobs_continue_while_their_queue_is_paused(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    services.queues.pause("default")
    assert services.jobs.get(job.id).status is Status.RUNNING


def test_a_paused_queue_gets_no_wake_ups(services: Services, make: Callable[..., Job]) -> None:
    make()
    services.queues.pause("default")
    assert top_up_wake_ups(services.engine, lambda _name, rows: rows) == {}


def test_an_unused_queue_is_unknown(services: Services) -> None:
    with pytest.raises(UnknownQueue, match="'nowhere'"):
        services.queues.pause("nowhere")


def test_every_queue_is_listed(services: Services, make: Callable[..., Job]) -> None:
    services.queues.add("night")
    make(queue="night")
    assert [queue.name for queue in services.queues.all()] == ["default", "notifications", "night"]


def test_queued_and_running_jobs_are_counted_by_queue(
    services: Services, make: Callable[..., Job], running: Callable[..., Job]
) -> None:
    running()
    for _ in range(2):
        make()
    services.queues.add("other")
    make(queue="other")
    services.jobs.create_job("nothing", dispatch=False)
    assert services.queues.loads() == {"default": QueueLoad(waiting=2, running=1), "other": QueueLoad(waiting=1)}


def test_a_job_cannot_be_created_in_an_unknown_queue(services: Services, make: Callable[..., Job]) -> None:
    with pytest.raises(UnknownQueue, match="no queue 'nihgt'"):
        make(queue="nihgt")
    with pytest.raises(UnknownQueue):
        services.jobs.create_many("nothing", [{}, {}], queue="nihgt")
    assert services.queries.all_jobs.newest(5) == ()


@pytest.mark.parametrize("name", ["", " ", "a,b", "q" * 81])
def test_an_invalid_queue_name_is_rejected(services: Services, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 80 visible characters and no comma"):
        services.queues.add(name)


def test_emptying_a_queue_stops_only_its_queued_jobs(
    services: Services, make: Callable[..., Job], running: Callable[..., Job]
) -> None:
    running_job = running()
    queued = [make() for _ in range(3)]
    services.queues.add("night")
    other = make(queue="night")
    assert services.queues.empty("default", services.jobs.cancel_many) == 3
    assert {services.jobs.get(job.id).status for job in queued} == {Status.CANCELLED}
    assert services.jobs.get(running_job.id).status is Status.RUNNING
    assert services.jobs.get(other.id).status is Status.QUEUED


def test_emptying_stops_after_its_time_limit(services: Services, make: Callable[..., Job]) -> None:
    make()
    assert services.queues.empty("default", services.jobs.cancel_many, seconds=0.0) == 0
    assert services.queues.count_queued("default") == 1
