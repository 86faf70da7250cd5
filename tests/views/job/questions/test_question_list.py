"""The list of what jobs ask the signed-in user."""

from flask.testing import FlaskClient

from tests.asked_jobs import QUESTION, asked_job
from webapp.accounts.user import User
from webapp.jobs.questions.question import user_key
from webapp.services import Services


def test_the_list_and_the_top_bar_show_what_waits_for_the_user(
    client: FlaskClient, user: User, services: Services
) -> None:
    assert "Nothing waits for your answer" in client.get("/questions").text
    assert 'href="/questions"' not in client.get("/jobs").text
    _, question = asked_job(services, asked_of=user_key(user.id))
    asked_job(services, asked_of="role:operator", text="Not for users?", name="other")
    page = client.get("/questions").text
    assert f'href="/questions/{question.id}">{QUESTION}' in page
    assert "Not for users?" not in page
    assert 'class="tab__count">1<' in client.get("/jobs").text
