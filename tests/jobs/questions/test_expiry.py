"""The clock's chore for questions."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.asked_jobs import asked_job
from tests.jobs.statements import plan_of, recorded
from webapp.fault_injection import Fault, arm
from webapp.jobs.model.job import Job, Status
from webapp.jobs.questions.question import QuestionState
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_a_question_expires_once(services: Services, pass_time: Callable[[Job], None]) -> None:
    late, on_time = asked_job(services, default={"keep": False})[0], asked_job(services)[0]
    pass_time(late)
    assert services.jobs.look_after_questions() == 1
    [question] = services.questions.of(late.id)
    assert (question.state, question.answer) == (QuestionState.EXPIRED, {"keep": False})
    assert services.jobs.get(late.id).status is Status.QUEUED
    assert services.jobs.get(on_time.id) == on_time
    assert [event.name for event in services.queries.jobs.timeline(late.id)] == ["asked", "question_expired"]
    assert services.jobs.look_after_questions() == 0


def test_an_expiry_that_fails_before_its_commit_is_repeated(
    services: Services, pass_time: Callable[[Job], None], tmp_path: Path
) -> None:
    job, _ = asked_job(services)
    pass_time(job)
    (tmp_path / "answer-expire.commit").write_text("raise")
    arm(tmp_path)
    try:
        with pytest.raises(Fault):
            services.jobs.look_after_questions()
    finally:
        arm(None)
    assert services.jobs.get(job.id).waits_for_answer
    assert services.jobs.look_after_questions() == 1


def test_an_open_question_is_reported_again_and_one_of_an_ended_job_withdrawn(
    services: Services, pass_time: Callable[..., None]
) -> None:
    job, _ = asked_job(services, remind_every=timedelta(days=1))
    pass_time(job, only_remind=True)
    stopped, _ = asked_job(services)
    services.jobs.cancel(stopped.id)
    assert services.jobs.look_after_questions() == 0
    assert services.jobs.get(job.id) == job
    assert [question.state for question in services.questions.of(stopped.id)] == [QuestionState.WITHDRAWN]
    with recorded(services.engine) as sent:
        services.jobs.look_after_questions()
    [(statement, parameters)] = sent  # until the next day, nothing is due
    assert "uq_job_questions_open" in plan_of(services.engine, statement, parameters, as_if_large=True)
