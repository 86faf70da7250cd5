"""Ending a child in one statement: what it writes, and when more statements are needed."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.jobs.conftest import HOLDER, LOCATION, Nothing, run_once
from tests.jobs.statements import recorded
from webapp.db.engine import is_sqlite, writing, writing_autocommit
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle import finish_attempt, finish_family
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.fence import LeaseLost
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = pytest.mark.usefixtures("database")


def root_with(run: Run, count: int) -> Job:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in range(count):
            job.spawn("nothing")

    return run(handler)


def test_a_child_costs_one_statement_more_on_sqlite_and_none_on_postgresql(
    run: Run, services: Services, lease: UUID
) -> None:
    root_with(run, 3)
    child = services.claims.claim("default", lease, fresh=True)
    assert child is not None
    with recorded(services.engine) as sent:
        services.executor.run(child, LOCATION)
    assert len(written(sent)) == (4 if is_sqlite(services.engine) else 1)


def written(sent: list[tuple[str, object]]) -> list[str]:
    return [statement for statement, _ in sent if not statement.startswith("BEGIN")]


def test_the_short_way_writes_the_attempt_the_events_and_the_roots_counts(
    run: Run, services: Services, lease: UUID
) -> None:
    root = root_with(run, 3)
    child = run_once(services, "default", lease)
    after = services.jobs.get(root.id)
    assert [event.name for event in services.queries.jobs.timeline(child.id)] == ["created", "started", "completed"]
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(child.id)] == ["completed"]
    assert (after.status, after.parts_completed, after.progress) == (Status.WAITING, 1, 33.33)
    assert after.version > root.version


def test_a_child_releases_its_dependents(run: Run, make: Run, services: Services, lease: UUID) -> None:
    root = root_with(run, 3)
    second = make(after=[services.queries.related.children(root.id)[0].id])
    run_once(services, "default", lease)
    assert services.jobs.get(second.id).status is Status.QUEUED
    assert services.jobs.get(root.id).parts_completed == 1


def test_children_that_end_concurrently_are_each_counted_once(run: Run, services: Services) -> None:
    root = root_with(run, 60)

    def work(status: Status) -> Counter[Status]:
        ended: Counter[Status] = Counter()
        mine = services.leases.open(HOLDER, "default")
        while child := services.claims.claim("default", mine, fresh=True):
            ended[status] += 1
            write(services, child, status)
        return ended

    with ThreadPoolExecutor(4) as threads:
        done = sum(threads.map(work, [Status.COMPLETED, Status.FAILED] * 2), Counter())
    after = services.jobs.get(root.id)
    assert (after.parts_completed, after.parts_failed) == (done[Status.COMPLETED], done[Status.FAILED])
    assert sum(done.values()) == 60
    assert after.is_finished


def write(services: Services, child: Job, status: Status) -> None:
    """End a child as the executor does: the short way first."""
    ending = Ending(status=status, outcome=status.value)
    try:
        with writing_autocommit(services.engine) as connection:
            finish_attempt.end_attempt(
                connection, child, LOCATION, ending, shape=finish_attempt.family_shape_of(child, ending)
            )
    except LeaseLost:
        with writing(services.engine) as connection:
            finish_family.end_attempt(connection, child, LOCATION, ending)
