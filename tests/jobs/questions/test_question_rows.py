"""The rows of questions."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from tests.asked_jobs import FORM, QUESTION, asked_job
from webapp.db.engine import reading, writing
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.question import QuestionDraft, QuestionState
from webapp.schema import job_questions
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


def test_a_new_question_withdraws_the_one_before(services: Services) -> None:
    job, first = asked_job(services)
    draft = QuestionDraft(name="again", text="Again?", form=FORM, asked_of="role:user")
    with writing(services.engine) as connection:
        question_rows.insert(connection, job.id, draft)
    states = {question.name: question.state for question in services.questions.of(job.id)}
    assert states == {QUESTION: QuestionState.WITHDRAWN, "again": QuestionState.OPEN}
    again = services.questions.open_of(job.id)
    assert again is not None
    assert again != first
    assert services.questions.get(again.id) == again
    assert services.questions.get(uuid4()) is None


def test_a_withdrawn_question_is_no_answer_and_an_expired_one_says_none(services: Services) -> None:
    job, _ = asked_job(services)
    for state, answers in (("withdrawn", {}), ("open", {}), ("expired", {QUESTION: None})):
        with writing(services.engine) as connection:
            connection.execute(update(job_questions).values(state=state))
        with reading(services.engine) as connection:
            assert question_rows.answers_of(connection, job.id) == answers
