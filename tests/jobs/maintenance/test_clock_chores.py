from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from sqlalchemy import update

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.maintenance.clock_chores import promote_due, top_up_wake_ups
from webapp.jobs.model.job import Job
from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.wake_ups import LEAST_CAP, WakeUps
from webapp.schema import jobs, later
from webapp.services import Services


def test_only_due_scheduled_jobs_are_promoted(services: Services, make: Callable[..., Job], database: str) -> None:
    due, early, running = make(), make(), make()
    with writing(services.engine) as connection:
        for job, status, seconds in ((due, "scheduled", -1), (early, "scheduled", 60), (running, "running", -1)):
            values = {"status": status, "run_at": later(seconds)}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(values))
    assert promote_due(services.engine) == 1
    assert promote_due(services.engine) == 0
    assert [services.jobs.get(job.id).status.value for job in (due, early, running)] == [
        "queued",
        "scheduled",
        "running",
    ]
    assert services.jobs.get(due.id).version == due.version + 1


def test_wake_ups_are_topped_up_by_queue(services: Services, make: Callable[..., Job], database: str) -> None:
    for queue in ("b", "a", "a", "c"):
        services.queues.add(queue)
        make(queue=queue)
    pushed: dict[str, int] = {}
    top_up_wake_ups(services.engine, pushed.setdefault)
    assert pushed == {"a": 2, "b": 1, "c": 1}
    assert list(pushed) == ["a", "b", "c"]


def test_the_count_of_queued_jobs_stops_at_the_ceiling(services: Services, make: Callable[..., Job]) -> None:
    for _ in range(4):
        make()
    assert top_up_wake_ups(services.engine, lambda _, rows: rows, ceiling=3) == {"default": 3}


def test_an_emptied_redis_is_topped_up_to_the_cap(
    services: Services, valkey_url: str, make: Callable[..., Job]
) -> None:
    wake_ups, few, many = WakeUps(connect(valkey_url)), uuid4().hex, uuid4().hex
    for queue, count in ((few, 3), (many, LEAST_CAP + 9)):
        services.queues.add(queue)
        for _ in range(count):
            make(queue=queue)
    Redis.from_url(valkey_url).flushall()
    assert top_up_wake_ups(services.engine, wake_ups.top_up) == {few: 3, many: LEAST_CAP}
    assert top_up_wake_ups(services.engine, wake_ups.top_up) == {few: 0, many: 0}


def test_queues_are_found_along_an_index(services: Services, make: Callable[..., Job], database: str) -> None:
    make()
    with recorded(services.engine) as statements:
        top_up_wake_ups(services.engine, lambda _queue, rows: rows)
    plans = [
        plan_of(services.engine, *statement, as_if_large=True)
        for statement in statements
        if "FROM jobs" in statement[0]
    ]
    assert plans
    for plan in plans:
        assert "ix_jobs_claim" in plan or "ix_jobs_turn" in plan
