from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.jobs.model.job import Job
from webapp.services import Services

Put = Callable[..., Job]


def test_the_owner_changes_the_tags_of_a_job(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(tags=("urgent",))
    assert 'value="urgent"' in client.get(f"/jobs/{job.id}/tags").text
    assert client.post(f"/jobs/{job.id}/tags", data={"tags": "Month end, <b>"}).status_code == 303
    assert services.jobs.get(job.id).tags == ("<b>", "month end")
    text = client.get(f"/jobs/{job.id}").text
    assert '<a class="tag" href="/jobs?tag=month+end">month end</a>' in text
    assert "Tags changed by you" in text


def test_bad_tags_are_shown_again_with_a_sentence(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(tags=("urgent",))
    answer = client.post(f"/jobs/{job.id}/tags", data={"tags": "x" * 41})
    assert (answer.status_code, "x" * 41 in answer.text) == (422, True)
    assert "A tag must have 1 to 40 visible characters and no comma" in answer.text
    assert services.jobs.get(job.id).tags == ("urgent",)


def test_a_list_shows_tags_and_is_narrowed_to_one(client: FlaskClient, put: Put) -> None:
    put(title="First", tags=("a & b",))
    put(title="Second")
    assert '<a class="tag" href="?tag=a%20%26%20b">a &amp; b</a>' in client.get("/jobs").text
    narrowed = client.get("/jobs?tag=A+%26+b").text
    assert ("First" in narrowed, "Second" in narrowed) == (True, False)
    assert "Clear filters" in narrowed
