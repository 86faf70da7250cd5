from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import LOCATION, Nothing, end, run_once
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution import context
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.schema import jobs, later
from webapp.services import Services

Make = Callable[..., Job]
Run = Callable[..., Job]
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


def with_children(*choices: dict[str, object]) -> Callable[[JobContext, Nothing], None]:
    def handler(job: JobContext, payload: Nothing) -> None:
        for each in choices:
            job.spawn("nothing", **each)

    return handler


def turns(services: Services, root: Job) -> list[tuple[str, int, int]]:
    """Return queue, priority and turn of the children, in the order of their creation."""
    columns = (jobs.c.queue, jobs.c.priority, jobs.c.fair)
    with reading(services.engine) as connection:
        rows = connection.execute(select(*columns).where(jobs.c.root_id == root.id).order_by(jobs.c.id)).all()
    return [(row.queue, row.priority, row.fair) for row in rows]


def test_children_that_are_written_in_several_parts_take_one_turn_each(
    services: Services, people: People, run: Run, lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CHILDREN_AT_ONCE", 2)
    ana, ben = people(), people()
    root = run(with_children({}, {}, {}, {}, {}), owner=Owner(user_id=ana))
    assert [turn for _, _, turn in turns(services, root)] == [0, 1, 2, 3, 4]
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 7) == [ana, ben, ana, ben, ana, ana, ana]


def test_the_turns_of_children_begin_when_their_root_has_returned(
    services: Services, people: People, run: Run, lease: UUID
) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 6, owner=Owner(user_id=ben))

    def handler(job: JobContext, payload: Nothing) -> None:
        with_children({}, {}, {})(job, payload)
        job.flush_children()
        assert order(services, lease, 3) == [ben, ben, ben]  # so that their turns are past when they are released

    run(handler, owner=Owner(user_id=ana))
    assert order(services, lease, 6) == [ben, ben, ana, ben, ana, ana]


def test_children_wait_behind_the_queued_jobs_of_their_owner(services: Services, people: People, run: Run) -> None:
    ana = people()
    services.jobs.create_many("nothing", [{}] * 3, owner=Owner(user_id=ana))
    root = run(with_children({}, {}), owner=Owner(user_id=ana))
    assert [turn for _, _, turn in turns(services, root)] == [3, 4]


def test_children_take_turns_in_each_queue_and_priority(services: Services, people: People, run: Run) -> None:
    services.queues.add("other")
    root = run(
        with_children({}, {"queue": "other"}, {"priority": 200}, {}, {"queue": "other"}, {"priority": 200}),
        owner=Owner(user_id=people()),
    )
    priority = services.registry.get("nothing").priority
    assert turns(services, root) == [
        ("default", priority, 0),
        ("other", priority, 0),
        ("default", 200, 0),
        ("default", priority, 1),
        ("other", priority, 1),
        ("default", 200, 1),
    ]


def test_children_that_start_later_do_not_take_the_turns_of_the_others(services: Services, run: Run) -> None:
    later = services.jobs.store.now() + timedelta(hours=1)
    root = run(with_children({"run_at": later}, {}, {"run_at": later}, {}))
    assert [turn for _, _, turn in turns(services, root)] == [2, 0, 3, 1]


def make_due(services: Services) -> None:
    """Let the clock queue all jobs that are to start later."""
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.status == "scheduled").values(run_at=later(-1.0)))
    promote_due(services.engine)


def test_jobs_that_start_at_the_same_time_take_turns(
    services: Services, people: People, make: Make, lease: UUID
) -> None:
    ana, ben = people(), people()
    tomorrow = services.jobs.store.now() + timedelta(days=1)
    for _ in range(4):
        make(owner=Owner(user_id=ana), run_at=tomorrow)
    make(run_at=tomorrow)
    make_due(services)
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 7) == [ana, None, ben, ana, ben, ana, ana]


def test_a_job_that_waits_for_its_next_attempt_keeps_its_turn(
    services: Services, people: People, running: Make, lease: UUID
) -> None:
    ana = people()
    retried = running(owner=Owner(user_id=ana))
    services.jobs.create_many("nothing", [{}] * 4, owner=Owner(user_id=ana))
    next_attempt = Ending(status=Status.SCHEDULED, outcome=EventName.FAILED, error="not yet", retry_in=60.0)
    with writing(services.engine) as connection:
        finish_attempt.end_attempt(connection, retried, LOCATION, next_attempt)
    make_due(services)
    assert services.claims.claim("default", lease, fresh=True).id == retried.id


def test_dependents_that_are_released_together_take_turns(
    services: Services, people: People, make: Make, lease: UUID
) -> None:
    ana, ben = people(), people()
    first = make()
    for _ in range(4):
        make(owner=Owner(user_id=ana), after=[first.id])
    run_once(services, "default", lease)
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 6) == [ana, ben, ana, ben, ana, ana]


def test_jobs_that_are_retried_together_take_turns(
    services: Services, people: People, running: Make, lease: UUID
) -> None:
    ana, ben = people(), people()
    failed = [running(owner=Owner(user_id=ana)) for _ in range(4)]
    for job in failed:
        end(services, job, Status.FAILED)
    services.jobs.retry_many([job.id for job in failed])
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 6) == [ana, ben, ana, ben, ana, ana]


def test_jobs_that_wait_for_each_other_with_one_key_let_others_run_between_them(
    services: Services, people: People, make: Make, lease: UUID
) -> None:
    ana, ben = people(), people()
    for _ in range(4):
        make(owner=Owner(user_id=ana), unique_key="k", on_duplicate="queue_after")
    services.jobs.create_many("nothing", [{}] * 3, owner=Owner(user_id=ben))
    taken = [run_once(services, "default", lease).owner.user_id for _ in range(7)]
    assert taken == [ana, ben, ana, ben, ana, ben, ana]


def _pay(_job: JobContext, _payload: Nothing) -> None:
    """Pay nothing."""


def test_jobs_that_are_approved_together_take_turns(services: Services, people: People, lease: UUID) -> None:
    ana, ben = people(), people()
    services.registry.add(job_type("payment", title="Payment", approval=Approval())(_pay))
    for job in [services.jobs.create_job("payment", owner=Owner(user_id=ana)) for _ in range(3)]:
        services.jobs.approve(job.id, by=ben)
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=ben))
    assert order(services, lease, 5) == [ana, ben, ana, ben, ana]
