"""Answer a question on its page: who may, and what each mistake says."""

from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import select

from tests.asked_jobs import QUESTION, asked_job
from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.jobs.questions.question import QuestionState, group_key, user_key
from webapp.schema import audit
from webapp.services import Services


def test_a_member_of_the_group_answers_without_seeing_the_job(
    client: FlaskClient, user: User, services: Services, person: Callable[..., User]
) -> None:
    group = services.user_groups.add("Finance")
    services.user_groups.add_member(group, user.id)
    job, question = asked_job(services, asked_of=group_key("Finance"), owner=person("bo").id)
    assert client.get(f"/jobs/{job.id}").status_code == 404
    page = client.get(f"/questions/{question.id}").text
    assert QUESTION in page
    assert f'href="/jobs/{job.id}"' not in page
    answer = client.post(f"/questions/{question.id}", data={"keep": "true", "customer": "Ada"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/questions")
    assert services.jobs.get(job.id).status is Status.QUEUED
    [given] = services.questions.of(job.id)
    assert (given.state, given.answer) == (QuestionState.ANSWERED, {"keep": True, "customer": "Ada"})
    assert given.answered_by == user.id
    with reading(services.engine) as connection:
        line = connection.execute(select(audit).where(audit.c.action == "job_answer")).mappings().one()
    assert (line["object_id"], line["after"]) == (str(job.id), {"question": QUESTION})


def test_each_mistake_is_one_sentence_and_writes_nothing(
    client: FlaskClient,
    client_of: Callable[[User], FlaskClient],
    user: User,
    services: Services,
    person: Callable[..., User],
) -> None:
    job, question = asked_job(services, asked_of=user_key(user.id), owner=user.id)
    address = f"/questions/{question.id}"
    bad = client.post(address, data={"keep": "true", "customer": "x" * 21})
    assert (bad.status_code, "One field needs attention" in bad.text) == (422, True)
    assert "x" * 21 in bad.text, "nothing typed is lost"
    assert client_of(person("bo")).post(address, data={"keep": "true"}).status_code == 404
    auditor = client_of(person("ada", role="auditor")).post(address, data={"keep": "true"})
    assert (auditor.status_code, "Only those whom the job asks can do this." in auditor.text) == (403, True)
    assert services.jobs.get(job.id) == job
    services.jobs.cancel(job.id)
    late = client.post(address, data={"keep": "true"})
    assert (late.status_code, "The question was withdrawn" in late.text) == (409, True)


def test_the_second_answer_is_shown_the_first(client: FlaskClient, user: User, services: Services) -> None:
    job, question = asked_job(services, asked_of=user_key(user.id), owner=user.id)
    services.jobs.answer(job.id, {"keep": True}, by=None)
    late = client.post(f"/questions/{question.id}", data={})
    assert (late.status_code, "Answered by" in late.text) == (409, True)
    [given] = services.questions.of(job.id)
    assert given.answer == {"keep": True, "customer": ""}
