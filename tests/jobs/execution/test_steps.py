"""Steps: what runs once per job, whatever happens between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.jobs.conftest import Nothing, end
from tests.jobs.execution.conftest import Create
from webapp.db.engine import reading
from webapp.jobs import JobContext
from webapp.jobs.execution.reporter import JobCancelled, Reporter
from webapp.jobs.execution.steps import MOST_STEPS, RESULT_LIMIT
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.model.policies import RetryPolicy
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.step_rows import FROM_OTHER_JOB
from webapp.schema import users
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect, pytest.mark.partitions]
Context = Callable[[Job], JobContext]


@pytest.fixture
def context_of(services: Services) -> Context:
    """Return the context of a running job; nothing is reported in it."""

    def context(job: Job) -> JobContext:
        reporter = Reporter(services.engine, job)
        return JobContext(job, reporter, services.files, inputs={}, keep_files=timedelta(days=1), creator=services.jobs)

    return context


@pytest.fixture
def context(running: Callable[..., Job], context_of: Context) -> JobContext:
    return context_of(running())


def test_a_step_runs_once_for_all_attempts(services: Services, create: Create, run_jobs: Callable[[], int]) -> None:
    calls: list[str] = []

    def fetch(source: str, *, rows: int) -> dict[str, Any]:
        calls.append(source)
        return {"source": source, "rows": (rows,)}

    def handler(job: JobContext, payload: Nothing) -> None:
        found = job.step("fetch", fetch, "warehouse", rows=3)
        assert found == {"source": "warehouse", "rows": [3]}
        if job.attempt == 1:
            raise ConnectionError("away")
        job.step("store", calls.append, "stored")

    job = create(handler, retry=RetryPolicy(max_attempts=2, delays=[timedelta(0)]))
    run_jobs()
    promote_due(services.engine)
    run_jobs()
    assert services.jobs.get(job.id).status is Status.COMPLETED
    assert calls == ["warehouse", "stored"]
    steps = services.queries.steps.of(job.id)
    assert [(step.name, step.place, step.attempt, step.result) for step in steps] == [
        ("fetch", 1, 1, {"source": "warehouse", "rows": [3]}),
        ("store", 2, 2, None),
    ]
    assert all(step.period >= timedelta(0) for step in steps)


def test_a_step_that_failed_runs_again(services: Services, create: Create, run_jobs: Callable[[], int]) -> None:
    calls: list[int] = []

    def flaky(attempt: int) -> int:
        calls.append(attempt)
        if attempt == 1:
            raise ConnectionError("away")
        return attempt

    def handler(job: JobContext, payload: Nothing) -> None:
        job.step("flaky", flaky, job.attempt)

    job = create(handler, retry=RetryPolicy(max_attempts=2, delays=[timedelta(0)]))
    run_jobs()
    promote_due(services.engine)
    run_jobs()
    assert calls == [1, 2]
    assert [step.result for step in services.queries.steps.of(job.id)] == [2]


def test_a_retry_by_a_user_goes_on_behind_the_steps(
    services: Services, create: Create, run_jobs: Callable[[], int]
) -> None:
    calls: list[str] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        job.step("first", calls.append, "first")
        if len(calls) == 1:
            calls.append("failed")
            raise ValueError("bad")

    job = create(handler)
    run_jobs()
    services.jobs.retry(job.id)
    run_jobs()
    assert services.jobs.get(job.id).status is Status.COMPLETED
    assert calls == ["first", "failed"]


@pytest.mark.parametrize(
    "result", [{1, 2}, object(), float("nan"), "x" * RESULT_LIMIT], ids=["set", "object", "nan", "large"]
)
def test_a_result_that_cannot_be_kept_is_refused(context: JobContext, services: Services, result: Any) -> None:
    with pytest.raises(NotStorable, match="The result of the step “fetch” must be"):
        context.step("fetch", lambda: result)
    assert not services.queries.steps.of(context.id)


@pytest.mark.parametrize("name", ["", " ", "n" * 81, None, 7, "a\nb"])
def test_a_bad_name_is_refused_before_anything_runs(context: JobContext, name: Any) -> None:
    with pytest.raises(ValueError, match="The name of a step must be a line"):
        context.step(name, pytest.fail, "it ran")


def test_a_name_can_be_used_once_in_an_attempt(context: JobContext) -> None:
    context.step("fetch", list)
    with pytest.raises(ValueError, match="has had a step “fetch” already"):
        context.step("fetch", pytest.fail, "it ran")


def test_a_job_has_a_limited_number_of_steps(context: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.jobs.execution.steps.MOST_STEPS", 2)
    context.step("1", list)
    context.step("2", list)
    with pytest.raises(ValueError, match=f"at most {2} steps"):
        context.step("3", pytest.fail, "it ran")
    assert MOST_STEPS > 2


def test_an_attempt_that_lost_its_job_keeps_nothing(
    services: Services, running: Callable[..., Job], context_of: Context
) -> None:
    job = running()
    context = context_of(job)
    context.step("kept", list)

    def lose() -> None:
        end(services, job, Status.FAILED)

    with pytest.raises(LeaseLost):
        context.step("lost", lose)
    assert [step.name for step in services.queries.steps.of(job.id)] == ["kept"]


def test_a_stop_during_a_step_keeps_its_result(
    services: Services, running: Callable[..., Job], context_of: Context
) -> None:
    job = running()
    context = context_of(job)

    def fetch() -> int:
        services.jobs.cancel(job.id)
        context._reporter.flush()
        return 3

    with pytest.raises(JobCancelled):
        context.step("fetch", fetch)
    assert [step.result for step in services.queries.steps.of(job.id)] == [3]


def names(services: Services) -> list[str]:
    with reading(services.engine) as connection:
        return [row.full_name for row in connection.execute(select(users.c.full_name)) if row.full_name == "By a step"]


def rename(connection: Connection, user_id: Any) -> str:
    connection.execute(users.update().where(users.c.id == user_id).values(full_name="By a step"))
    return "renamed"


def test_what_a_step_writes_is_committed_with_its_result(services: Services, context: JobContext, user: Any) -> None:
    assert context.step_in_transaction("rename", rename, user.id) == "renamed"
    assert names(services) == ["By a step"]
    assert [step.name for step in services.queries.steps.of(context.id)] == ["rename"]


def test_what_a_failed_step_has_written_is_rolled_back(services: Services, context: JobContext, user: Any) -> None:
    def fail(connection: Connection) -> None:
        rename(connection, user.id)
        raise KeyError("later")

    def too_large(connection: Connection) -> str:
        rename(connection, user.id)
        return "x" * RESULT_LIMIT

    with pytest.raises(KeyError):
        context.step_in_transaction("fail", fail)
    with pytest.raises(NotStorable):
        context.step_in_transaction("large", too_large)
    assert not names(services)
    assert not services.queries.steps.of(context.id)


def test_a_lost_attempt_writes_nothing_in_a_step(
    services: Services, running: Callable[..., Job], context_of: Context, user: Any
) -> None:
    job = running()
    context = context_of(job)
    end(services, job, Status.FAILED)
    with pytest.raises(LeaseLost):
        context.step_in_transaction("rename", rename, user.id)
    assert not names(services)


def test_a_new_run_keeps_the_steps_before_the_chosen_one(
    services: Services, create: Create, run_jobs: Callable[[], int]
) -> None:
    calls: list[str] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        for name in ("fetch", "check", "store"):
            job.step(name, lambda name=name: calls.append(name) or name)

    job = create(handler)
    run_jobs()
    again = services.jobs.run_again(job.id, from_step="check")
    run_jobs()
    assert calls == ["fetch", "check", "store", "check", "store"]
    assert [(step.name, step.attempt) for step in services.queries.steps.of(again.id)] == [
        ("fetch", FROM_OTHER_JOB),
        ("check", 1),
        ("store", 1),
    ]


def test_a_new_run_from_an_unknown_step_is_refused(services: Services, context: JobContext) -> None:
    context.step("fetch", list)
    with pytest.raises(BadRequest, match=r"no step “store”\. Its steps: “fetch”"):
        services.jobs.run_again(context.id, from_step="store")
    assert len(services.queries.all_jobs.newest(10)) == 1
