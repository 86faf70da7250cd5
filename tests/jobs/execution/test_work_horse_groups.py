"""Short jobs are claimed and ended together, and each of them behaves as if it had been alone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.jobs.conftest import LOCATION, Nothing
from tests.jobs.row_invariants import broken, snapshot
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution import work_horse
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.groups import group_size
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store import signals
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Handler = Callable[[JobContext, Nothing], object]


@pytest.fixture
def handle(services: Services) -> Callable[[Handler], None]:
    """Let jobs of the type "nothing" call this handler."""

    def handle(handler: Handler) -> None:
        def run(job: JobContext, payload: Nothing) -> None:
            handler(job, payload)

        services.registry.add(job_type("nothing", title="Nothing", replaces=True)(run))

    return handle


@pytest.fixture
def drain(services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Run all queued jobs, in groups after the first one, however slow the machine is."""
    monkeypatch.setattr(group_size, "_FEWEST_RUNS", 1)
    monkeypatch.setattr(group_size, "WORTH_SECONDS", 100.0)
    monkeypatch.setattr(work_horse, "MOST_SECONDS", 100.0)
    return lambda: services.work_horse().drain("default", lease, LOCATION)


def statuses(services: Services, group: list[Job]) -> list[Status]:
    return [services.jobs.get(job.id).status for job in group]


def test_all_jobs_of_a_group_run_and_end(
    services: Services, make: Callable[..., Job], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(23)]
    assert drain() == 23
    assert set(statuses(services, group)) == {Status.COMPLETED}
    for job in group:
        [attempt] = services.queries.jobs.attempts(job.id)
        assert attempt.started_at <= attempt.finished_at
        assert [event.name for event in services.queries.jobs.timeline(job.id)] == ["created", "started", "completed"]
    starts = [services.jobs.get(job.id).started_at for job in group]
    assert starts == sorted(starts), "each has the time at which it began"
    assert broken(snapshot(services.engine)) == []


def test_the_order_is_priority_then_turn_then_age(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    order: list[UUID] = []
    handle(lambda job, _: order.append(job.id))
    owners = [Owner(user_id=UUID(int=number)) for number in (1, 2)]
    first = make(priority=900)
    late = [make(owner=owners[0], priority=100) for _ in range(3)] + [make(owner=owners[1], priority=100)]
    urgent = make(priority=500)
    services.claims.owner_is_active = lambda _job: True  # type: ignore[method-assign]
    drain()
    assert order == [first.id, urgent.id, late[0].id, late[3].id, late[1].id, late[2].id]


def test_a_job_of_another_type_ends_a_group(
    services: Services, make: Callable[..., Job], drain: Callable[[], int]
) -> None:
    services.registry.add(job_type("other", title="Other")(_nothing))
    seen: list[tuple[str, int]] = []

    def look(type_name: str, job: Job) -> None:
        running = services.queries.all_jobs.newest(20)
        seen.append((type_name, sum(one.status is Status.RUNNING for one in running)))

    for name in ("nothing", "nothing", "nothing", "other", "nothing"):
        services.jobs.create_job(name)
    with signals.job_started.connected_to(look):
        assert drain() == 5
    assert seen == [("nothing", 1), ("nothing", 2), ("nothing", 2), ("other", 1), ("nothing", 1)]


def test_what_a_job_reports_is_written_with_its_own_end(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(8)]

    def report(job: JobContext, _: Nothing) -> None:
        if job.id == group[4].id:
            job.message("half")
            job.logger.info("a line")
        if job.id == group[5].id:
            raise RuntimeError

    handle(report)
    assert drain() == 8
    assert statuses(services, group) == [*[Status.COMPLETED] * 5, Status.FAILED, *[Status.COMPLETED] * 2]
    assert services.jobs.get(group[4].id).message == "half"
    assert broken(snapshot(services.engine)) == []


def test_ends_wait_for_no_job_that_takes_long(
    services: Services,
    make: Callable[..., Job],
    handle: Callable[[Handler], None],
    drain: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = [make() for _ in range(6)]
    runs: list[UUID] = []

    def run(job: JobContext, _: Nothing) -> None:
        runs.append(job.id)
        if job.id == group[2].id:
            monkeypatch.setattr(work_horse, "MOST_SECONDS", 0.0)
        if job.id == group[3].id:
            assert statuses(services, group) == [
                *[Status.COMPLETED] * 3,
                Status.RUNNING,
                *[Status.QUEUED] * 2,
            ], "the others were given back, and claimed one by one"

    handle(run)
    monkeypatch.setattr(group_size.RunTimes, "group_after", _once(group_size.RunTimes.group_after))
    assert drain() == 6
    assert runs == [job.id for job in group]
    assert {job.attempt for job in map(services.jobs.get, runs)} == {1}


def _once(group_after: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[object] = []

    def once(*arguments: Any) -> Any:
        calls.append(arguments)
        return group_after(*arguments) if len(calls) == 1 else None

    return once


def test_a_work_horse_that_must_end_gives_back_what_has_not_begun(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(6)]
    handle(lambda job, _: services.executor.drain() if job.id == group[2].id else None)
    assert drain() == 3
    assert statuses(services, group) == [*[Status.COMPLETED] * 3, *[Status.QUEUED] * 3]
    assert {services.jobs.get(job.id).attempt for job in group[3:]} == {0}
    assert broken(snapshot(services.engine)) == []


def test_a_stop_of_a_job_that_does_not_begin_is_obeyed(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(6)]

    def stop(job: JobContext, _: Nothing) -> None:
        if job.id == group[2].id:
            services.jobs.cancel(group[4].id)
            services.executor.drain()

    handle(stop)
    drain()
    assert statuses(services, group[3:]) == [Status.QUEUED, Status.CANCELLED, Status.QUEUED]


def test_children_of_a_root_end_together_and_the_last_one_ends_it(
    services: Services, handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    services.registry.add(job_type("fan", title="Fan")(_fan))
    root = services.jobs.create_job("fan")
    assert drain() == 13
    found = services.jobs.get(root.id)
    assert (found.status, found.parts_completed, found.progress) == (Status.COMPLETED, 12, 100)
    assert broken(snapshot(services.engine)) == []


def _fan(job: JobContext, _: Nothing) -> None:
    for _number in range(12):
        job.spawn("nothing")


def test_dependents_of_a_job_in_a_group_are_released(
    services: Services, make: Callable[..., Job], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(5)]
    after = make(after=[group[2].id])
    assert drain() == 6
    assert services.jobs.get(after.id).status is Status.COMPLETED


def test_a_job_that_was_lost_meanwhile_changes_nothing_for_the_others(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(6)]

    def lose(job: JobContext, _: Nothing) -> None:
        if job.id == group[3].id:
            with writing(services.engine) as connection:
                connection.execute(update(jobs).where(jobs.c.id == group[2].id).values(attempt=2))

    handle(lose)
    assert drain() == 6
    assert statuses(services, group) == [
        *[Status.COMPLETED] * 2,
        Status.RUNNING,
        *[Status.COMPLETED] * 3,
    ]


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_lost_answer_loses_no_job(
    services: Services, make: Callable[..., Job], drain: Callable[[], int], is_committed: bool
) -> None:
    group = [make() for _ in range(12)]
    is_done = []
    complete = services.executor._complete

    def lose(*arguments: Any, **claim: Any) -> None:
        if is_committed or is_done:
            complete(*arguments, **claim)
        if not is_done:
            is_done.append(True)
            raise OperationalError("end", {}, Exception("away"), connection_invalidated=True)

    services.executor._complete = lose  # type: ignore[method-assign]
    services.executor._retry_seconds = 60.0
    assert drain() == 12
    assert set(statuses(services, group)) == {Status.COMPLETED}
    assert {services.jobs.get(job.id).attempt for job in group} == {1}
    assert broken(snapshot(services.engine)) == []


def test_a_long_database_outage_makes_no_job_run_again(
    services: Services,
    make: Callable[..., Job],
    handle: Callable[[Handler], None],
    drain: Callable[[], int],
    lease: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = [make() for _ in range(6)]

    def stay_away(*_arguments: Any, **_claim: Any) -> None:
        raise OperationalError("end", {}, Exception("away"), connection_invalidated=True)

    def run(job: JobContext, _: Nothing) -> None:
        if job.id == group[3].id:
            for name in ("_complete", "_end"):
                monkeypatch.setattr(services.executor, name, stay_away)
            job.message("what is reported is not written with others")

    handle(run)
    services.executor._retry_seconds = 0.0
    with pytest.raises(OperationalError):
        drain()
    services.leases.settle(lease, why="Its process has ended.")
    assert statuses(services, group) == [
        *[Status.COMPLETED] * 3,
        Status.FAILED,
        *[Status.QUEUED] * 2,
    ]


def test_limits_and_pauses_keep_jobs_out_of_groups(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(6)]
    services.queues.limit("default", 1)
    most: list[int] = []
    handle(lambda _job, _payload: most.append(statuses(services, group).count(Status.RUNNING)))
    drain()
    assert set(most) == {1}


def test_without_a_file_for_its_notes_a_work_horse_claims_one_job_at_a_time(
    services: Services, make: Callable[..., Job], handle: Callable[[Handler], None], drain: Callable[[], int]
) -> None:
    group = [make() for _ in range(5)]
    (services.settings.data_dir / "work-horses").write_text("")
    most: list[int] = []
    handle(lambda _job, _payload: most.append(statuses(services, group).count(Status.RUNNING)))
    assert drain() == 5
    assert set(most) == {1}


def _nothing(job: object, payload: Nothing) -> None:
    """Do nothing."""
