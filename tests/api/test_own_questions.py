"""The questions of a job, as programs read them whose account the job asks."""

from collections.abc import Callable

from tests.api.conftest import Program
from tests.asked_jobs import FORM, asked_job
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.question import QuestionDraft
from webapp.services import Services


def test_who_cannot_open_a_job_gets_the_questions_that_they_were_asked(
    program: Program, services: Services, user: User, person: Callable[..., User]
) -> None:
    job, question = asked_job(services, asked_of=f"user:{user.id}", owner=person("bo").id)
    with writing(services.engine) as connection:
        other = QuestionDraft(name="other", text="And this?", form=FORM, asked_of="role:operator")
        question_rows.insert(connection, job.id, other)
    assert program.get(f"/jobs/{job.id}").status_code == 404
    assert [found["id"] for found in program.get(f"/jobs/{job.id}/questions").json["items"]] == [str(question.id)]


def test_who_was_asked_sees_what_became_of_the_question(
    program: Program, services: Services, user: User, person: Callable[..., User]
) -> None:
    job, question = asked_job(services, asked_of=f"user:{user.id}", owner=person("bo").id)
    assert program.post(f"/questions/{question.id}/answer", {"answer": {"keep": True}}).status_code == 200
    (answered,) = program.get(f"/jobs/{job.id}/questions").json["items"]
    assert (answered["state"], answered["answer"]["keep"]) == ("answered", True)


def test_who_was_asked_nothing_finds_no_job(program: Program, services: Services, person: Callable[..., User]) -> None:
    job, _ = asked_job(services, asked_of="role:operator", owner=person("bo").id)
    assert program.get(f"/jobs/{job.id}/questions").status_code == 404
