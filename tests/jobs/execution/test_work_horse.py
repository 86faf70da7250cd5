import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, update

from tests.jobs.conftest import LOCATION, Nothing
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.batches import SliceEnded
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.isolation.leftovers import Leftovers
from webapp.jobs.execution.work_horse import MAX_FAILURES, Budget, MustStop, WorkHorse
from webapp.jobs.model.job import Job, Status
from webapp.schema import jobs
from webapp.services import Services

LINGER_SECONDS = 1.0


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def work_horse(services: Services, woken: list[str]) -> Callable[..., WorkHorse]:
    def work_horse(**budget: float) -> WorkHorse:
        limits = {"jobs": 100, "seconds": 60.0, "megabytes": 2**20, **budget}
        return WorkHorse(services.claims, services.executor, Budget(**limits), woken.append)

    return work_horse


def statuses(services: Services) -> list[Status]:
    return [job.status for job in reversed(services.queries.all_jobs.newest(50))]


def test_a_work_horse_runs_every_queued_job_of_its_queue(
    services: Services,
    make: Callable[..., Job],
    work_horse: Callable[..., WorkHorse],
    lease: UUID,
    woken: list[str],
    database: str,
) -> None:
    services.queues.add("other")
    for queue in ("default", "default", "other", "default"):
        make(queue=queue)
    assert work_horse().drain("default", lease, LOCATION) == 3
    assert statuses(services) == [Status.COMPLETED, Status.COMPLETED, Status.QUEUED, Status.COMPLETED]


def test_a_work_horse_with_more_than_one_job_wakes_another_worker_to_help(
    make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID, woken: list[str]
) -> None:
    make()
    assert work_horse().drain("default", lease, LOCATION) == 1
    assert woken == []
    for _ in range(4):
        make()
    assert work_horse().drain("default", lease, LOCATION) == 4
    assert woken == ["default"], "once, and the other one does the same"


def test_a_work_horse_without_a_job_ends(work_horse: Callable[..., WorkHorse], lease: UUID, woken: list[str]) -> None:
    assert work_horse().drain("default", lease, LOCATION) == 0
    assert woken == []


@pytest.mark.parametrize(("budget", "count"), [({"jobs": 2}, 2), ({"seconds": 0.0}, 1), ({"megabytes": 1}, 1)])
def test_a_work_horse_with_a_used_up_budget_wakes_the_next_one(
    services: Services,
    make: Callable[..., Job],
    work_horse: Callable[..., WorkHorse],
    lease: UUID,
    woken: list[str],
    budget: dict[str, float],
    count: int,
) -> None:
    for _ in range(4):
        make()
    assert work_horse(**budget).drain("default", lease, LOCATION) == count
    assert statuses(services).count(Status.QUEUED) == 4 - count
    assert set(woken) == {"default"}


def test_an_own_process_job_is_the_only_job_of_its_work_horse(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID, woken: list[str]
) -> None:
    first, alone, last = make(), make(), make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == alone.id).values(own_process=True))
    assert work_horse().drain("default", lease, LOCATION) == 1
    assert woken == ["default"]
    assert work_horse().drain("default", lease, LOCATION) == 1
    assert statuses(services) == [Status.COMPLETED, Status.COMPLETED, Status.QUEUED]
    assert woken == ["default", "default"]
    assert work_horse().drain("default", lease, LOCATION) == 1
    assert {services.jobs.get(job.id).status for job in (first, alone, last)} == {Status.COMPLETED}


def test_an_interrupted_work_horse_claims_no_further_job(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID, woken: list[str]
) -> None:
    make()
    services.executor.interrupt()
    assert work_horse().drain("default", lease, LOCATION) == 0
    assert statuses(services) == [Status.QUEUED]
    assert woken == ["default"], "another worker will claim it"


def test_a_failing_job_does_not_stop_the_others(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID
) -> None:
    broken = make()
    make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == broken.id).values(payload=["no object"]))
    assert work_horse().drain("default", lease, LOCATION) == 2
    assert statuses(services) == [Status.FAILED, Status.COMPLETED]


def test_a_job_that_leaves_something_behind_is_the_last_of_its_work_horse(
    services: Services,
    make: Callable[..., Job],
    work_horse: Callable[..., WorkHorse],
    lease: UUID,
    woken: list[str],
    real_find_leftovers: Callable[[Leftovers], Iterator[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Leftovers, "find", real_find_leftovers)
    ended = threading.Event()

    def handler(job: JobContext, payload: Nothing) -> None:
        threading.Thread(target=ended.wait).start()

    services.registry.add(job_type("leaves_a_thread", title="Leaves a thread")(handler))
    services.jobs.create_job("leaves_a_thread")
    make()
    try:
        assert work_horse().drain("default", lease, LOCATION) == 1
        assert woken == ["default"]
    finally:
        ended.set()


def test_a_work_horse_ends_after_several_failures_in_a_row(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID
) -> None:
    broken = [make() for _ in range(MAX_FAILURES + 1)]
    with writing(services.engine) as connection:
        ids = [job.id for job in broken]
        connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(payload=["no object"]))
    assert work_horse().drain("default", lease, LOCATION) == MAX_FAILURES
    assert work_horse().drain("default", lease, LOCATION) == 1


def test_a_success_between_failures_keeps_the_work_horse(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID
) -> None:
    made = [make() for _ in range(2 * MAX_FAILURES)]
    broken = [job.id for number, job in enumerate(made) if number != MAX_FAILURES - 1]
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id.in_(broken)).values(payload=["no object"]))
    assert work_horse().drain("default", lease, LOCATION) == 2 * MAX_FAILURES


def test_a_job_in_slices_continues_in_a_process_of_its_own(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse], lease: UUID, database: str
) -> None:
    runs: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise SliceEnded

    services.registry.add(job_type("sliced", title="Sliced")(handler))
    sliced = services.jobs.create_job("sliced")
    make()
    assert work_horse().drain("default", lease, LOCATION) == 1
    assert services.jobs.get(sliced.id).own_process
    counts = []
    while services.jobs.get(sliced.id).status is Status.QUEUED:
        counts.append(work_horse().drain("default", lease, LOCATION))
    assert services.jobs.get(sliced.id).status is Status.COMPLETED
    assert max(counts) == 1


def lingering(services: Services, woken: list[str], *wake_ups: str, **budget: float) -> tuple[WorkHorse, list[float]]:
    """Return a work-horse that gets these wake-ups while it lingers, and how long it was ready to wait for each."""
    waits: list[float] = []
    queues = iter(wake_ups)

    def await_wake_up(seconds: float, _must_stop: object) -> str | None:
        waits.append(seconds)
        return next(queues, None)

    return patient(services, woken, await_wake_up, **budget), waits


def patient(
    services: Services, woken: list[str], await_wake_up: Callable[[float, MustStop], str | None], **budget: float
) -> WorkHorse:
    limits = {"jobs": 100, "seconds": 60.0, "megabytes": 2**20, **budget}
    return WorkHorse(
        services.claims,
        services.executor,
        Budget(**limits),
        woken.append,
        await_wake_up=await_wake_up,
        linger_seconds=LINGER_SECONDS,
    )


def test_a_lingering_work_horse_runs_the_jobs_of_its_next_wake_ups(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str]
) -> None:
    services.queues.add("other")
    make(queue="other")
    horse, waits = lingering(services, woken, "other", "default")
    assert horse.drain("default", lease, LOCATION) == 1
    assert waits == [1.0, 1.0, 1.0]
    assert woken == []


@pytest.mark.parametrize("budget", [{"jobs": 1}, {"seconds": 0.0}, {"megabytes": 1}])
def test_a_work_horse_that_must_be_replaced_does_not_linger(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], budget: dict[str, float]
) -> None:
    make()
    horse, waits = lingering(services, woken, "default", **budget)
    assert horse.drain("default", lease, LOCATION) == 1
    assert waits == []


def test_it_lingers_no_longer_than_its_budget(services: Services, lease: UUID, woken: list[str]) -> None:
    horse, waits = lingering(services, woken, seconds=0.5)
    assert horse.drain("default", lease, LOCATION) == 0
    assert 0 < waits[0] <= 0.5


def test_an_own_process_job_ends_the_lingering_of_a_used_work_horse(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    services.queues.add("other")
    make()
    alone = make(queue="other")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == alone.id).values(own_process=True))
    claim, claimed = services.claims.claim, []

    def noted_claim(queue: str, *arguments: Any, **options: Any) -> Job | None:
        claimed.append(queue)
        return claim(queue, *arguments, **options)

    monkeypatch.setattr(services.claims, "claim", noted_claim)
    horse, waits = lingering(services, woken, "other", "default")
    assert horse.drain("default", lease, LOCATION) == 1
    assert len(waits) == 1
    assert claimed == ["default", "other", "other"]
    assert woken == ["other"]


@pytest.mark.parametrize("wake_ups", [0, 3])
def test_a_job_that_is_queued_just_after_an_empty_claim_is_run_by_the_same_work_horse(
    services: Services,
    make: Callable[..., Job],
    lease: UUID,
    woken: list[str],
    monkeypatch: pytest.MonkeyPatch,
    wake_ups: int,
) -> None:
    claim, claims = services.claims.claim, count(1)

    def claim_before_it_comes(*arguments: Any, **options: Any) -> Job | None:
        job = claim(*arguments, **options)
        if next(claims) == 1 + wake_ups:
            make()
        return job

    monkeypatch.setattr(services.claims, "claim", claim_before_it_comes)
    horse, waits = lingering(services, woken, *["default"] * wake_ups)
    assert horse.drain("default", lease, LOCATION) == 1
    assert waits == [LINGER_SECONDS] * (1 + wake_ups)
    assert woken == []


@contextmanager
def locked(services: Services, job: Job) -> Iterator[Connection]:
    """Lock the row of a job, in a transaction that the block can end."""
    with services.engine.connect() as other:
        other.execute(select(jobs.c.id).where(jobs.c.id == job.id).with_for_update())
        yield other


@pytest.mark.dialect(both=True)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_work_horse_waits_for_a_transaction_that_has_locked_its_job(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], database: str
) -> None:
    def await_wake_up(seconds: float, _must_stop: object) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            other.rollback()

    waits: list[float] = []
    with locked(services, make()) as other:
        assert patient(services, woken, await_wake_up).drain("default", lease, LOCATION) == 1
    assert waits == [0.01, 0.02, 0.04, LINGER_SECONDS]
    assert woken == []


@pytest.mark.dialect(both=True)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_work_horse_leaves_a_job_that_stays_locked_to_another_after_a_while(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], database: str
) -> None:
    waits: list[float] = []
    with locked(services, make()):
        horse = patient(services, woken, lambda seconds, _: waits.append(seconds))
        assert horse.drain("default", lease, LOCATION) == 0
    assert 1.0 < sum(waits) < 2.0, "a worker forks no more than one work-horse per second for it"
    assert woken == ["default"]


@pytest.mark.dialect(both=True)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_locked_job_does_not_keep_a_work_horse_from_other_queues(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], database: str
) -> None:
    services.queues.add("other")
    wake_ups = iter(["default", "other"])
    with locked(services, make()):
        make(queue="other")
        horse = patient(services, woken, lambda *_: next(wake_ups, None))
        assert horse.drain("default", lease, LOCATION) == 1
    assert woken == ["default"]


@pytest.mark.dialect(both=True)
def test_a_work_horse_without_its_lease_leaves_the_jobs_to_another_at_once(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str], database: str
) -> None:
    make()
    services.leases.settle(lease, why="It ended.")
    waits: list[float] = []
    horse = patient(services, woken, lambda seconds, _: waits.append(seconds))
    assert horse.drain("default", lease, LOCATION) == 0
    assert (waits, woken) == ([], ["default"])


def test_a_stopped_work_horse_gives_its_last_wake_up_to_another(
    services: Services, make: Callable[..., Job], lease: UUID, woken: list[str]
) -> None:
    def await_wake_up(_seconds: float, _must_stop: object) -> None:
        make()
        services.executor.interrupt()

    assert patient(services, woken, await_wake_up).drain("default", lease, LOCATION) == 0
    assert woken == ["default"]


def test_a_work_horse_without_an_order_does_nothing(
    services: Services, make: Callable[..., Job], work_horse: Callable[..., WorkHorse]
) -> None:
    make()
    assert work_horse().serve(lambda: None, LOCATION) == 0
    assert statuses(services) == [Status.QUEUED]
