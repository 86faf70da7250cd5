"""Failure hooks: run once for every final failure, whoever noticed it, in a job of their own."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr

from tests.jobs.conftest import HOLDER, Nothing, run_once
from webapp.jobs.definition.declaration import BadJobType
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.definition.lazy_handlers import LazyHandler
from webapp.jobs.definition.own_services import job_service
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.failure_hooks import HOOK_TYPE
from webapp.jobs.model.job import Job, Status
from webapp.jobs.service import Jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Job]


class Bell:
    """A service of the application."""

    rings = 0


@pytest.fixture
def bell(services: Services) -> Bell:
    bell = Bell()

    @job_service
    def ring() -> Iterator[Bell]:
        bell.rings += 1
        yield bell

    services.registry.add_service(ring)
    return bell


Seen = list[tuple[Status, str]]


@pytest.fixture
def seen() -> Seen:
    return []


@pytest.fixture
def letters(services: Services, bell: Bell, seen: Seen, lease: UUID) -> Callable[..., Job]:
    """Create a job whose type has a hook; return the job."""

    def on_failed(failed: Job, payload: Nothing, bell: Bell, jobs: Jobs) -> None:
        assert jobs.get(failed.id).id == failed.id
        seen.append((failed.status, failed.errors[-1]["text"] if failed.errors else ""))

    def letters(handler: Callable[..., Any], *, hook: Any = on_failed, **options: Any) -> Job:
        services.registry.add(job_type("letters", title="Letters", replaces=True, on_failed=hook, **options)(handler))
        return services.jobs.create_job("letters")

    return letters


def fails(job: JobContext, payload: Nothing) -> None:
    raise JobError("No ink.")


def hook_jobs(services: Services) -> list[Job]:
    return [job for job in services.queries.all_jobs.newest(50) if job.type == HOOK_TYPE]


def run_all(services: Services, lease: UUID) -> None:
    while services.claims.has_claimable("default"):
        run_once(services, "default", lease)


def test_a_hook_runs_after_the_last_attempt_with_the_services_that_it_needs(
    services: Services, letters: Run, lease: UUID, seen: Seen, bell: Bell
) -> None:
    job = letters(fails)
    run_once(services, "default", lease)
    (hook,) = hook_jobs(services)
    assert (hook.status, hook.owner.public, hook.owner.user_id, seen) == (Status.QUEUED, False, None, [])
    run_all(services, lease)
    assert (seen, bell.rings) == ([(Status.FAILED, "No ink.")], 1)
    assert hook_jobs(services)[0].status is Status.COMPLETED
    services.jobs.retry(job.id)
    run_all(services, lease)
    assert len(seen) == 2, "once for each final failure"


def test_a_failure_that_is_retried_and_another_end_have_no_hook(
    services: Services, letters: Run, lease: UUID, seen: Seen
) -> None:
    def breaks(job: JobContext, payload: Nothing) -> None:
        raise RuntimeError("Not yet.")

    def works(job: JobContext, payload: Nothing) -> None:
        pass

    letters(breaks, max_attempts=2)
    assert run_once(services, "default", lease).status is Status.SCHEDULED
    letters(works)
    run_all(services, lease)
    services.jobs.cancel(letters(works).id)
    assert hook_jobs(services) == []


def test_a_lost_and_a_killed_job_have_a_hook(services: Services, letters: Run, lease: UUID, seen: Seen) -> None:
    for worker_gone in (True, False):
        letters(fails)
        lost_lease = services.leases.open(HOLDER, "default")
        services.claims.claim("default", lost_lease, fresh=True)
        services.leases.settle(lost_lease, why="The worker is gone.", worker_gone=worker_gone)
        run_all(services, lease)
    assert seen == [(Status.STALE, "The worker is gone."), (Status.FAILED, "The worker is gone.")]


def test_a_root_that_fails_with_its_children_has_a_hook(
    services: Services, letters: Run, lease: UUID, seen: Seen
) -> None:
    def spawns(job: JobContext, payload: Nothing) -> None:
        job.spawn("broken")

    services.registry.add(job_type("broken", title="Broken")(fails))
    letters(spawns)
    run_all(services, lease)
    assert seen == [(Status.FAILED, "1 of 1 child jobs failed.")]


def test_a_job_that_application_code_fails_has_a_hook(
    services: Services, letters: Run, lease: UUID, seen: Seen
) -> None:
    job = letters(fails)
    services.jobs.change(job.id, lambda job: job.mark_failed(["Refused elsewhere."]))
    run_all(services, lease)
    assert seen == [(Status.FAILED, "Refused elsewhere.")]


def test_a_hook_sees_the_failure_even_if_the_job_was_retried_before_it_ran(
    services: Services, letters: Run, lease: UUID, seen: Seen
) -> None:
    job = letters(fails)
    run_once(services, "default", lease)
    services.jobs.retry(job.id)
    services.run_inline(hook_jobs(services)[0].id)
    assert seen == [(Status.FAILED, "No ink.")]


def test_an_error_of_a_hook_is_in_the_log_of_the_job(services: Services, letters: Run, lease: UUID) -> None:
    def broken(failed: Job, payload: Nothing) -> None:
        raise ConnectionError("the bell is broken")

    job = letters(fails, hook=broken)
    run_all(services, lease)
    sentence = "The failure hook of the job type failed: ConnectionError: the bell is broken"
    assert [(line.level, line.text) for line in services.queries.logs.log(job.id)] == [("ERROR", sentence)]
    assert services.jobs.get(job.id).errors[-1]["text"] == "No ink."
    (hook,) = hook_jobs(services)
    assert (hook.status, hook.errors[-1]["text"]) == (Status.FAILED, sentence)
    assert "in broken" in services.queries.logs.log(hook.id)[0].text


class Key(BaseModel):
    key: SecretStr


def test_an_error_of_a_hook_shows_no_secret(services: Services, run: Run, lease: UUID) -> None:
    def handler(job: JobContext, payload: Key) -> bool:
        return False

    def broken(failed: Job, payload: Key) -> None:
        raise ConnectionError(f"{payload.key.get_secret_value()} was refused")

    job = run(handler, {"key": "tetrahedron"}, on_failed=broken)
    run_all(services, lease)
    (hook,) = hook_jobs(services)
    shown = [hook.errors, services.queries.logs.log(hook.id), services.queries.logs.log(job.id)]
    assert "was refused" in repr(shown)
    assert "tetrahedron" not in repr(shown)


def test_a_hook_of_a_deleted_job_does_nothing(services: Services, letters: Run, lease: UUID, seen: Seen) -> None:
    job = letters(fails)
    run_once(services, "default", lease)
    services.jobs.delete(job.id)
    run_all(services, lease)
    assert (seen, hook_jobs(services)[0].message) == ([], "The job was deleted.")


def test_a_hook_is_not_run_twice_automatically(services: Services, letters: Run, lease: UUID) -> None:
    letters(fails)
    run_once(services, "default", lease)
    lost_lease = services.leases.open(HOLDER, "default")
    services.claims.claim("default", lost_lease, fresh=True)
    services.leases.settle(lost_lease, why="The worker is gone.", worker_gone=True)
    assert [hook.status for hook in hook_jobs(services)] == [Status.STALE]


def wrong_payload(failed: Job, payload: Key) -> None:
    """Take the payload of another type."""


async def lazy(failed: Job, payload: Nothing) -> None:
    """Return at once."""


def untyped(failed: Job, payload: Nothing, bell) -> None:  # type: ignore[no-untyped-def]
    """Request something unknown."""


@pytest.mark.parametrize("hook", [wrong_payload, lazy, untyped])
def test_a_bad_hook_is_refused_when_it_is_declared(hook: Any) -> None:
    with pytest.raises((BadJobType, LazyHandler)) as refused:
        job_type("letters", title="Letters", on_failed=hook)(fails)
    assert f"{__file__}:{hook.__code__.co_firstlineno}" in str(refused.value)


def base_payload(failed: Job, payload: BaseModel) -> None:
    """Take any payload."""


def test_a_hook_can_serve_several_types() -> None:
    assert job_type("letters", title="Letters", on_failed=base_payload)(fails).on_failed is base_payload
