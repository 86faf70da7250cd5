from collections.abc import Callable
from uuid import UUID

import pytest

from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.queues import QueueLoad, UnknownQueue
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_a_paused_queue_gives_no_jobs_and_says_why(
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


def test_pausing_twice_keeps_the_first_time(services: Services) -> None:
    first = services.queues.pause("default", reason="one").paused_at
    assert services.queues.pause("default", reason="two").paused_at == first


def test_what_runs_goes_on_while_its_queue_is_paused(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    services.queues.pause("default")
    assert services.jobs.get(job.id).status is Status.RUNNING


def test_nobody_is_woken_for_a_paused_queue(services: Services, make: Callable[..., Job]) -> None:
    make()
    services.queues.pause("default")
    assert top_up_wake_ups(services.engine, lambda _name, rows: rows) == {}


def test_a_queue_that_nobody_uses_is_unknown(services: Services) -> None:
    with pytest.raises(UnknownQueue, match="'nowhere'"):
        services.queues.pause("nowhere")


def test_every_queue_is_listed(services: Services, make: Callable[..., Job]) -> None:
    services.queues.add("night")
    make(queue="night")
    assert [queue.name for queue in services.queues.all()] == ["default", "night"]


def test_what_waits_and_what_runs_is_counted_per_queue(
    services: Services, make: Callable[..., Job], running: Callable[..., Job]
) -> None:
    running()
    for _ in range(2):
        make()
    services.queues.add("other")
    make(queue="other")
    services.jobs.create_job("nothing", dispatch=False)
    assert services.queues.loads() == {"default": QueueLoad(waiting=2, running=1), "other": QueueLoad(waiting=1)}


def test_a_job_is_not_sent_where_nobody_could_listen(services: Services, make: Callable[..., Job]) -> None:
    with pytest.raises(UnknownQueue, match="no queue 'nihgt'"):
        make(queue="nihgt")
    with pytest.raises(UnknownQueue):
        services.jobs.create_many("nothing", [{}, {}], queue="nihgt")
    assert services.queries.all_jobs.newest(5) == ()


@pytest.mark.parametrize("name", ["", " ", "a,b", "q" * 81])
def test_a_bad_name_for_a_queue_is_refused(services: Services, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 80 characters and no comma"):
        services.queues.add(name)
