"""The children of a job: on its page, and on pages of their own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status

Put = Callable[..., Job]


@pytest.fixture
def root(put: Put) -> Job:
    return put(Status.WAITING, parts=4, parts_completed=1, parts_failed=1)


@pytest.fixture
def parts(put: Put, root: Job) -> list[Job]:
    values = {"root_id": root.id, "type": "part"}
    return [
        put(Status.COMPLETED, child_name="first", **values),
        put(Status.FAILED, child_name="second", errors=({"text": "No stamp."},), **values),
        put(Status.RUNNING, child_name="third", progress=30.0, message="3 of 10", **values),
        put(Status.QUEUED, child_name="fourth", **values),
    ]


def test_a_root_shows_its_children_failed_ones_first(client: FlaskClient, root: Job, parts: list[Job]) -> None:
    page = client.get(f"/jobs/{root.id}").text
    assert "Waiting for 2 child jobs." in page.replace("\N{NO-BREAK SPACE}", " ")
    shown = sorted(parts, key=lambda part: page.index(f'id="part-{part.id}"'))
    assert [part.child_name for part in shown] == ["second", "third", "fourth", "first"]
    assert "No stamp." in page
    assert "2 of 4 child jobs" in page
    assert f'href="/jobs/{root.id}/children?which=failed"' in page


def test_a_child_that_waits_for_a_retry_has_no_duration(client: FlaskClient, root: Job, put: Put) -> None:
    began = datetime.now(UTC) - timedelta(minutes=25)
    values = {"root_id": root.id, "type": "part", "started_at": began}
    put(Status.RUNNING, **values)
    assert "25\N{NO-BREAK SPACE}min" in client.get(f"/jobs/{root.id}").text
    again = put(Status.WAITING, parts=1)
    put(Status.QUEUED, **{**values, "root_id": again.id})
    assert "25\N{NO-BREAK SPACE}min" not in client.get(f"/jobs/{again.id}").text


def test_a_child_links_to_its_root(client: FlaskClient, root: Job, parts: list[Job]) -> None:
    assert f'href="/jobs/{root.id}"' in client.get(f"/jobs/{parts[0].id}").text


def test_children_have_pages_and_a_status_filter(
    client: FlaskClient, root: Job, parts: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job.children.PAGE", 3)
    page = client.get(f"/jobs/{root.id}/children").text
    assert "third" in page
    assert "fourth" not in page
    assert f"after={parts[2].id}" in page
    assert "fourth" in client.get(f"/jobs/{root.id}/children?after={parts[2].id}").text
    failed = client.get(f"/jobs/{root.id}/children?which=failed").text
    assert ("second" in failed, "third" in failed) == (True, False)
    assert client.get(f"/jobs/{root.id}/children?which=nonsense&after=x").status_code == 200


def test_messages_of_children_are_hidden_from_other_users(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put
) -> None:
    public = put(Status.WAITING, parts=1, owner=Owner(public=True))
    put(Status.RUNNING, root_id=public.id, owner=Owner(public=True), message="canary")
    bob = client_of(person("bob"))
    for end in ("", "/children"):
        answer = bob.get(f"/jobs/{public.id}{end}")
        assert answer.status_code == 200
        assert "canary" not in answer.text
    assert bob.get(f"/jobs/{put(Status.WAITING).id}/children").status_code == 404
