"""Saved filters above the list and on their page."""

import re
from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.services import Services

Change = Callable[..., object]


def fields(page: str) -> dict[str, str]:
    form = page[page.index('class="saved__form"') :].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_the_filter_of_a_list_is_saved_under_a_name(client: FlaskClient, services: Services, user: User) -> None:
    page = client.get("/jobs?tab=failed&type=report&before=01900000-0000-7000-8000-000000000000").text
    answer = client.post("/jobs/filters", data={**fields(page), "filter_name": "Failed reports"})
    assert (answer.status_code, answer.location) == (303, "/jobs?tab=failed&type=report")
    page = client.get("/jobs").text
    assert '<a href="/jobs?tab=failed&amp;type=report">Failed reports</a>' in page
    assert "Choose a tab or filters" in page


def test_a_filter_of_all_jobs_leads_to_all_jobs(admins: FlaskClient) -> None:
    page = admins.get("/admin/jobs?queue=slow&status=stale").text
    answer = admins.post("/jobs/filters", data={**fields(page), "filter_name": "Lost", "shared": "1"})
    assert answer.location == "/admin/jobs?tab=failed&status=stale&queue=slow"


def test_a_user_cannot_save_a_filter_of_all_jobs(client: FlaskClient, services: Services, user: User) -> None:
    page = client.get("/jobs?tab=failed").text
    client.post("/jobs/filters", data={**fields(page), "filter_name": "Mine", "list": "admin", "queue": "slow"})
    [saved] = services.saved_filters.visible_to(user)
    assert (saved.arguments, saved.of_all_users) == ({"tab": "failed"}, False)


def test_a_bad_name_gets_a_sentence_and_keeps_the_list(client: FlaskClient) -> None:
    page = client.get("/jobs?tab=failed").text
    answer = client.post("/jobs/filters", data={**fields(page), "filter_name": " "}, follow_redirects=True)
    assert "A filter needs a name of 1 to 60 characters on one line." in answer.text
    assert 'aria-current="page">Failed' in answer.text


def test_filters_are_renamed_shared_and_deleted_on_their_page(
    client: FlaskClient, services: Services, user: User
) -> None:
    saved = services.saved_filters.save(user, "Mine", {"tab": "failed"}, shared=False, of_all_users=False)
    services.saved_filters.save(user, "Other", {"tab": "done"}, shared=False, of_all_users=False)
    csrf = fields(client.get("/jobs?tab=failed").text)["csrf_token"]
    place = f"/jobs/filters/{saved.id}"
    assert client.post(place, data={"csrf_token": csrf, "filter_name": "Ours", "shared": "1"}).status_code == 303
    assert services.saved_filters.get(user, saved.id).shared
    taken = client.post(place, data={"csrf_token": csrf, "filter_name": "Other"})
    assert taken.status_code == 422
    assert "You already have a filter with this name." in taken.text
    assert client.post(f"{place}/delete", data={"csrf_token": csrf}).status_code == 303
    page = client.get("/jobs/filters").text
    assert "Ours" not in page.split("<main")[1].split('<div class="toasts"')[0]
    assert 'value="Other"' in page


def test_the_page_without_filters_says_how_to_save_one(client: FlaskClient) -> None:
    assert "No saved filters yet" in client.get("/jobs/filters").text
