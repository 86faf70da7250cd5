"""Answers: one is written, in time, by one of two at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.asked_jobs import Decision, asked_job
from tests.jobs.conftest import Nothing
from tests.jobs.questions.conftest import Ask
from webapp.db.engine import writing
from webapp.fault_injection import Fault, arm
from webapp.jobs import InvalidAnswer, NoOpenQuestion
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.schema import dependencies, jobs
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
KEEP = {"keep": True}


def test_an_answer_that_does_not_fit_changes_nothing(services: Services) -> None:
    job, question = asked_job(services)
    for values in (
        {},
        Nothing(),
        {"keep": "perhaps"},
        {"keep": True, "customer": "x" * 21},
        {"keep": True, "note": "?"},
        [],
    ):
        with pytest.raises(InvalidAnswer):
            services.jobs.answer(job.id, values, by=None)
    assert services.jobs.get(job.id) == job
    assert services.questions.of(job.id) == (question,)


def test_a_question_is_answered_once(services: Services, ask: Ask) -> None:
    job = ask()
    services.jobs.answer(job.id, Decision(keep=True), by=None)
    before = services.jobs.get(job.id), services.questions.of(job.id)
    [question] = before[1]
    for question_id, sentence in ((question.id, "was already answered"), (None, "does not wait for an answer")):
        with pytest.raises(NoOpenQuestion, match=sentence):
            services.jobs.answer(job.id, {"keep": False}, by=None, question_id=question_id)
    assert (services.jobs.get(job.id), services.questions.of(job.id)) == before


@pytest.mark.dialect(both=True)
def test_of_two_answers_at_once_one_is_written(services: Services) -> None:
    job, question = asked_job(services)

    def answer(by: UUID) -> str:
        try:
            services.jobs.answer(job.id, KEEP, by=by, question_id=question.id)
        except NoOpenQuestion as error:
            return str(error)
        return ""

    people = [uuid4() for _ in range(4)]
    with ThreadPoolExecutor(len(people)) as pool:
        told = list(pool.map(answer, people))
    [winner] = [person for person, sentence in zip(people, told, strict=True) if not sentence]
    assert services.questions.of(job.id)[0].answered_by == winner
    names = [event.name for event in services.queries.jobs.timeline(job.id)]
    assert names.count("question_answered") == 1


def test_an_answer_that_comes_late_or_after_a_stop_is_refused(
    services: Services, pass_time: Callable[[Job], None]
) -> None:
    late, _ = asked_job(services)
    pass_time(late)
    with pytest.raises(NoOpenQuestion, match="could only be answered until its time was over"):
        services.jobs.answer(late.id, KEEP, by=None)
    stopped, question = asked_job(services)
    services.jobs.cancel(stopped.id)
    with pytest.raises(NoOpenQuestion, match="was withdrawn, because the job was stopped"):
        services.jobs.answer(stopped.id, KEEP, by=None, question_id=question.id)
    with pytest.raises(NoOpenQuestion, match="does not wait for an answer"):
        services.jobs.answer(late.id, KEEP, by=None, question_id=question.id)


def test_an_answer_whose_commit_fails_changes_nothing_and_one_behind_it_stays(
    services: Services, tmp_path: Path
) -> None:
    job, _ = asked_job(services)
    for point, written in (("answer.commit", False), ("answer.wake", True)):
        (tmp_path / point).write_text("raise")
        arm(tmp_path)
        try:
            with pytest.raises(Fault):
                services.jobs.answer(job.id, KEEP, by=None)
        finally:
            arm(None)
        assert (services.jobs.get(job.id).status is Status.QUEUED) is written


def test_a_job_that_waits_for_an_answer_is_neither_started_nor_edited(services: Services) -> None:
    job, _ = asked_job(services)
    with pytest.raises(IllegalTransition, match="waits for an answer, so it cannot start"):
        services.jobs.change(job.id, Job.mark_queued)
    assert not services.claims.claim("default", uuid4(), fresh=True)
    assert services.jobs.get(job.id) == job


def test_the_end_of_a_predecessor_that_runs_again_leaves_the_question_open(
    services: Services, make: Callable[..., Job]
) -> None:
    first = make()
    job, _ = asked_job(services)
    with writing(services.engine) as connection:
        connection.execute(dependencies.insert().values(job_id=job.id, after_id=first.id, only_on_success=True))
        connection.execute(jobs.update().where(jobs.c.id == first.id).values(has_dependents=True))
    services.jobs.cancel(first.id)
    assert services.jobs.get(job.id).waits_for_answer
