"""Another attempt that a handler asks for: used up or not, from the checkpoint, never after a stop."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import update

from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.policies import MAX_POSTPONEMENTS, TOO_MANY_POSTPONEMENTS
from webapp.schema import jobs, now
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Job]
HOUR = timedelta(hours=1)
REASON = "The bank has not answered yet."


@pytest.fixture
def again(services: Services, lease: UUID) -> Callable[[], Job]:
    """Run the scheduled job now."""

    def again() -> Job:
        with writing(services.engine) as connection:
            connection.execute(update(jobs).values(run_at=now()))
        promote_due(services.engine)
        return run_once(services, "default", lease)

    return again


def outcomes(services: Services, job: Job) -> list[tuple[str, str | None]]:
    return [(attempt.outcome, attempt.error) for attempt in services.queries.jobs.attempts(job.id)]


def test_it_uses_up_an_attempt_and_starts_again_from_the_checkpoint(
    services: Services, run: Run, again: Callable[[], Job]
) -> None:
    seen: list[tuple[int, Any]] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        seen.append((job.attempt, job.state.get("page")))
        job.progress(40, message="page 4")
        job.save_state({"page": 4})
        raise job.retry_later(HOUR, REASON)

    job = run(handler, max_attempts=2)
    assert (job.status, job.attempt_number, job.attempts_allowed) == (Status.SCHEDULED, 1, 2)
    assert (job.progress, job.message, job.started_at, job.errors) == (0.0, REASON, None, ())
    assert timedelta(minutes=59) < job.run_at - services.queries.jobs.now() <= HOUR
    assert outcomes(services, job) == [("retry_later", REASON)]
    job = again()
    assert (job.status, [error["text"] for error in job.errors]) == (Status.FAILED, [REASON])
    assert outcomes(services, job)[1:] == [("failed", REASON)]
    assert services.queries.jobs.attempts(job.id)[1].traceback is None
    assert seen == [(1, None), (2, 4)]


def test_it_can_continue_the_same_attempt_later(services: Services, run: Run, again: Callable[[], Job]) -> None:
    numbers: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        numbers.append(job.attempt)
        if len(numbers) < 4:
            job.progress(10 * len(numbers))
            raise job.retry_later(timedelta(0), REASON, counts=False)

    job = run(handler)
    assert (job.status, job.progress, job.message, job.started_at) == (Status.SCHEDULED, 10.0, REASON, None)
    jobs_between = [again(), again()]
    assert [job.progress for job in jobs_between] == [20.0, 30.0]
    job = again()
    assert (job.status, job.attempt_number, job.attempts_allowed) == (Status.COMPLETED, 1, 1)
    assert [outcome for outcome, _ in outcomes(services, job)] == ["postponed"] * 3 + ["completed"]
    assert numbers == [1, 1, 1, 1]


@pytest.mark.parametrize(("counts", "kept"), [(True, 0), (False, 1)])
def test_children_are_kept_if_the_attempt_continues(
    services: Services, run: Run, again: Callable[[], Job], *, counts: bool, kept: int
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        if not job.state:
            job.spawn("nothing")
            job.flush_children()
            job.save_state({"spawned": True})
            raise job.retry_later(HOUR, REASON, counts=counts)

    job = run(handler, max_attempts=2)
    assert (job.status, job.parts) == (Status.SCHEDULED, kept)
    job = again()
    assert job.status is (Status.WAITING if kept else Status.COMPLETED)


def test_it_counts_even_if_the_handler_swallows_or_only_makes_it(run: Run) -> None:
    def swallows(job: JobContext, payload: Nothing) -> None:
        with suppress(BaseException):
            raise job.retry_later(HOUR, REASON)

    def makes(job: JobContext, payload: Nothing) -> None:
        job.retry_later(HOUR, REASON)

    for handler in (swallows, makes):
        assert run(handler, max_attempts=2).status is Status.SCHEDULED


@pytest.mark.parametrize("counts", [True, False])
def test_a_job_that_was_asked_to_stop_is_not_retried(services: Services, run: Run, *, counts: bool) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.jobs.cancel(job.id)
        raise job.retry_later(HOUR, REASON, counts=counts)

    assert run(handler, max_attempts=2).status is Status.CANCELLED


def test_a_job_cannot_be_postponed_forever(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise job.retry_later(HOUR, REASON, counts=False)

    services.registry.add(job_type("tested", title="Tested")(handler))
    services.jobs.create_job("tested")
    numbers = {
        "attempt": MAX_POSTPONEMENTS,
        "uncounted_attempts": MAX_POSTPONEMENTS,
        "max_attempts": MAX_POSTPONEMENTS + 1,
    }
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(**numbers))
    job = run_once(services, "default", lease)
    assert (job.status, job.errors[-1]["text"]) == (Status.FAILED, TOO_MANY_POSTPONEMENTS)


class Key(BaseModel):
    key: SecretStr


def test_the_reason_shows_no_secret(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Key) -> None:
        raise job.retry_later(HOUR, f"{payload.key.get_secret_value()} was refused")

    job = run(handler, {"key": "tetrahedron"}, max_attempts=2)
    assert "tetrahedron" not in repr((job.message, outcomes(services, job)))
    assert job.message.endswith(" was refused")


@pytest.mark.parametrize("delay", [60, -HOUR, timedelta.max, None])
def test_a_bad_delay_is_refused_where_it_is_given(run: Run, delay: Any) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise job.retry_later(delay, REASON)

    assert "must be a timedelta from 0 to ten years" in run(handler).errors[-1]["text"]


@pytest.mark.parametrize("reason", ["", " ", None])
def test_a_retry_needs_a_reason(run: Run, reason: Any) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise job.retry_later(HOUR, reason)

    assert "needs a reason" in run(handler).errors[-1]["text"]


def test_a_context_knows_its_job(services: Services, run: Run) -> None:
    seen: list[Any] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        seen.extend((job.type, job.max_attempts, job.root_id, dict(job.metadata)))
        job.save_metadata({"a": 1})
        seen.append(dict(job.metadata))

    run(handler, max_attempts=3)
    assert seen == ["tested", 3, None, {}, {"a": 1}]
