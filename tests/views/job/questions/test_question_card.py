"""The questions on the page of a job."""

from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import update

from tests.asked_jobs import QUESTION, asked_job
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.questions.question import user_key
from webapp.schema import events, later
from webapp.services import Services


def test_the_page_of_a_job_has_the_form_for_whom_it_asks(
    client: FlaskClient,
    client_of: Callable[[User], FlaskClient],
    user: User,
    services: Services,
    person: Callable[..., User],
) -> None:
    job, question = asked_job(services, asked_of=user_key(user.id), owner=user.id, default={"keep": False})
    auditor = person("ada", role="auditor")
    assert "Waits for your answer" in client.get("/jobs").text
    for address in (f"/jobs/{job.id}", f"/jobs/{job.id}/_live"):
        page = client.get(address).text
        for text in (QUESTION, "Waits for your answer", f'action="/questions/{question.id}"', "continues with this"):
            assert text in page
    page = client_of(auditor).get(f"/jobs/{job.id}").text
    assert "Waits for an answer" in page
    assert f'action="/questions/{question.id}"' not in page
    page = client_of(person("otto", role="operator")).get(f"/jobs/{job.id}").text
    assert f'action="/questions/{question.id}"' in page, "who may have left"
    assert "Waits for your answer" not in page


def test_answers_stay_on_the_page(client: FlaskClient, user: User, services: Services) -> None:
    job, _ = asked_job(services, asked_of=user_key(user.id), owner=user.id)
    services.jobs.answer(job.id, {"keep": True, "customer": "<b>Ada</b>"}, by=user.id)
    page = client.get(f"/jobs/{job.id}").text
    for text in ("Questions and answers", "Answered by", "<dd>You", "&lt;b&gt;Ada&lt;/b&gt;", "Keep them"):
        assert text in page


def test_the_timeline_says_how_long_the_answer_took(client: FlaskClient, user: User, services: Services) -> None:
    job, _ = asked_job(services, asked_of=user_key(user.id), owner=user.id)
    with writing(services.engine) as connection:
        connection.execute(update(events).where(events.c.name == "asked").values(at=later(-300.0)))
    services.jobs.answer(job.id, {"keep": True}, by=user.id)
    timeline = client.get(f"/jobs/{job.id}").text.partition('id="timeline"')[2]
    assert "Answered by you" in timeline
    assert "waited 5" in timeline
    assert "ran 5" not in timeline


def test_a_question_whose_form_is_gone_says_so(client: FlaskClient, user: User, services: Services) -> None:
    job, question = asked_job(services, asked_of=user_key(user.id), owner=user.id, form="tests.asked_jobs:Gone")
    assert "does not exist in the code that runs here" in client.get(f"/jobs/{job.id}").text
    assert client.post(f"/questions/{question.id}", data={"keep": "on"}).status_code == 409
    assert services.jobs.get(job.id) == job
