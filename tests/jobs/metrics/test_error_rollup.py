from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.conftest import Nothing, run_once
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.metrics.error_groups import ErrorGroup, ErrorNotFound, ErrorState
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Fail = Callable[..., Job]


@pytest.fixture
def fail(services: Services, lease: UUID) -> Fail:
    """Run a job that fails with a message."""
    messages: list[str] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        raise ValueError(messages[-1])

    services.registry.add(job_type("fragile", title="Fragile")(handler))

    def fail(message: str, owner: Owner | None = None) -> Job:
        messages.append(message)
        services.jobs.create_job("fragile", owner=owner or Owner())
        return run_once(services, "default", lease)

    return fail


def groups(services: Services, **filters: Any) -> tuple[ErrorGroup, ...]:
    return services.metrics.errors.page(**filters)


def test_failures_with_one_cause_are_one_group(services: Services, fail: Fail, roll_up: Any) -> None:
    jobs = [fail(f"Row {row} has no sku.") for row in range(3)]
    fail("The table is empty.")
    roll_up()
    roll_up()
    empty, rows = groups(services)
    assert (empty.count, rows.count) == (1, 3)
    assert rows.message == "ValueError: Row 2 has no sku."
    assert (rows.type, rows.sample_job_id, rows.state) == ("fragile", jobs[-1].id, "open")
    assert rows.first_seen_at < rows.last_seen_at
    assert services.metrics.errors.fingerprint_of_job(jobs[0].id) == rows.fingerprint


def test_a_group_counts_the_affected_users(
    services: Services, fail: Fail, roll_up: Any, people: Callable[[], UUID]
) -> None:
    ana, ben = people(), people()
    for user_id in (ana, ben, ana):
        fail("broken", Owner(user_id=user_id))
    fail("broken")
    roll_up()
    (group,) = groups(services)
    assert (group.count, group.users) == (4, 2)


def test_a_group_grows_with_each_rollup(services: Services, fail: Fail, roll_up: Any) -> None:
    fail("broken")
    roll_up()
    fail("broken")
    roll_up()
    (group,) = groups(services)
    hour = group.last_seen_at.replace(minute=0, second=0, microsecond=0)
    counted = services.metrics.errors.counts_by_hour([group.fingerprint], hour - timedelta(hours=1))
    assert group.count == sum(counted[group.fingerprint].values()) == 2


def test_a_resolved_error_reopens_when_it_happens_again(services: Services, fail: Fail, roll_up: Any) -> None:
    fail("broken")
    roll_up()
    (group,) = groups(services)
    assert services.metrics.errors.set_state(group.fingerprint, ErrorState.RESOLVED).state == "resolved"
    assert groups(services, state=ErrorState.OPEN) == ()
    fail("broken")
    roll_up()
    assert [group.state for group in groups(services)] == ["open"]


def test_an_ignored_error_stays_ignored(services: Services, fail: Fail, roll_up: Any) -> None:
    fail("broken")
    roll_up()
    services.metrics.errors.set_state(groups(services)[0].fingerprint, ErrorState.IGNORED)
    fail("broken")
    roll_up()
    assert [(group.state, group.count) for group in groups(services)] == [("ignored", 2)]


def test_the_state_of_an_unknown_error_cannot_be_set(services: Services) -> None:
    with pytest.raises(ErrorNotFound):
        services.metrics.errors.set_state("0" * 16, ErrorState.RESOLVED)


def test_only_jobs_that_are_still_failed_can_be_retried(services: Services, fail: Fail, roll_up: Any) -> None:
    first, second = fail("broken"), fail("broken")
    roll_up()
    (group,) = groups(services)
    errors = services.metrics.errors
    assert errors.count_retriable(group.fingerprint) == 2
    services.jobs.retry(first.id)
    assert errors.retriable(group.fingerprint, 10) == (second.id,)


def test_a_job_that_failed_without_an_attempt_is_grouped_by_its_error(services: Services, roll_up: Any) -> None:
    job = services.jobs.create_job("nothing", dispatch=False)
    services.jobs.change(job.id, Job.mark_running)
    assert (
        services.jobs.change(job.id, lambda current: current.mark_failed(["The other side hung up."])).status
        is Status.FAILED
    )
    roll_up()
    assert [group.message for group in groups(services)] == ["The other side hung up."]


def test_groups_are_paged_and_filtered(services: Services, fail: Fail, roll_up: Any) -> None:
    for message in ("one", "two", "three"):
        fail(message)
    roll_up()
    newest = groups(services, limit=2)
    last = newest[-1]
    rest = groups(services, before=(last.last_seen_at, last.fingerprint))
    assert [group.message[12:] for group in (*newest, *rest)] == ["three", "two", "one"]
    assert services.metrics.errors.count(type_name="fragile") == 3
    assert services.metrics.errors.count(since=services.queries.jobs.now() + timedelta(hours=1)) == 0
