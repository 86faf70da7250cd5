"""The database executes a statement, but the connection breaks before the answer arrives."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from tests.jobs.conftest import LOCATION, Nothing
from tests.stored_files import stored_path
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.reporter import Reporter
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


@pytest.fixture
def lose_answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], list[int]]:
    """Lose the answer to the first call of a method; return the list of calls."""

    def lose_answer(place: Any, name: str) -> list[int]:
        calls: list[int] = []
        real = getattr(place, name)

        def first_in_vain(*arguments: Any, **named: Any) -> Any:
            calls.append(1)
            answer = real(*arguments, **named)
            if len(calls) == 1:
                raise OperationalError("…", {}, Exception("server closed the connection unexpectedly"))
            return answer

        monkeypatch.setattr(place, name, first_in_vain)
        return calls

    return lose_answer


def outcomes(services: Services, job_id: UUID) -> list[str]:
    return [attempt.outcome for attempt in services.queries.jobs.attempts(job_id)]


def test_a_claim_whose_answer_was_lost_is_found_under_its_lease(
    services: Services, make: Callable[..., Job], lease: UUID, lose_answer: Callable[[Any, str], list[int]]
) -> None:
    first, second = make(), make()
    calls = lose_answer(services.claims, "claim")
    assert services.work_horse().drain("default", lease, LOCATION) == 2
    assert len(calls) == 1, "it is looked up; later claims are made with the end of a job"
    for job in (first, second):
        assert services.jobs.get(job.id).status is Status.COMPLETED
        assert outcomes(services, job.id) == ["completed"]


def test_a_claim_that_was_made_with_a_lost_end_is_found_under_its_lease(
    services: Services, make: Callable[..., Job], lease: UUID, lose_answer: Callable[[Any, str], list[int]]
) -> None:
    made = [make() for _ in range(3)]
    claims, ends = lose_answer(services.claims, "claimed_under"), lose_answer(Executor, "_end")
    claims.append(1)  # its answer arrives
    assert services.work_horse().drain("default", lease, LOCATION) == 3
    assert (len(claims), len(ends)) == (2, 4)
    for job in made:
        assert services.jobs.get(job.id).attempt == 1
        assert outcomes(services, job.id) == ["completed"]


def test_an_end_whose_answer_was_lost_is_written_once(
    services: Services, run: Run, lose_answer: Callable[[Any, str], list[int]]
) -> None:
    calls = lose_answer(Executor, "_end")
    job = run(lambda_of(lambda job: job.message("done")))
    assert (job.status, job.attempt, len(calls)) == (Status.COMPLETED, 1, 2)
    assert outcomes(services, job.id) == ["completed"]


def test_children_whose_answer_was_lost_are_created_once(
    services: Services, run: Run, lose_answer: Callable[[Any, str], list[int]]
) -> None:
    calls = lose_answer(services.jobs, "add_children")
    job = run(lambda_of(lambda job: [job.spawn("nothing"), job.spawn("nothing", name="named")]))
    assert (job.status, job.parts, len(calls)) == (Status.WAITING, 2, 2)
    assert len(services.queries.related.children(job.id)) == 2


def test_a_file_whose_answer_was_lost_has_one_row(
    services: Services, run: Run, lose_answer: Callable[[Any, str], list[int]]
) -> None:
    calls = lose_answer(JobContext, "_add_row")
    job = run(lambda_of(lambda job: job.attach("out.txt", b"text")))
    (file,) = services.jobs.attachments(job.id)
    assert (stored_path(services.files, file.id).read_bytes(), len(calls)) == (b"text", 2)


def test_a_checkpoint_whose_answer_was_lost_is_saved(
    run: Run, lose_answer: Callable[[Any, str], list[int]], services: Services
) -> None:
    lose_answer(Reporter, "flush")
    job = run(lambda_of(lambda job: job.save_state({"step": 1})))
    assert (job.status, job.state) == (Status.COMPLETED, {"step": 1})


def test_a_dependent_whose_answer_was_lost_is_created_once(
    run: Run, lose_answer: Callable[[Any, str], list[int]], services: Services
) -> None:
    def follow(job: JobContext) -> None:
        lose_answer(services.jobs, "create_job")
        job.after("nothing")

    assert run(lambda_of(follow)).status is Status.COMPLETED
    assert len(services.queries.all_jobs.newest(10)) == 2


def lambda_of(act: Callable[[JobContext], object]) -> Callable[..., None]:
    def handler(job: JobContext, payload: Nothing) -> None:
        act(job)

    return handler
