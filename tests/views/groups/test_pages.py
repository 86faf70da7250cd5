"""The pages of groups: members, job types, and what is refused."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.groups.user_group import UserGroup
from webapp.accounts.groups.user_groups import set_groups_by_sign_on
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.services import Services


@pytest.fixture
def admins(client_of: Callable[[User], FlaskClient], admin: User) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def finance(services: Services) -> UserGroup:
    return services.user_groups.add("Finance", "Who closes the books")


def test_an_admin_adds_a_group_its_members_and_the_types_that_only_they_start(
    admins: FlaskClient, services: Services, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    assert "No groups yet" in admins.get("/admin/groups").text
    page = admins.post("/admin/groups", data={"name": "Finance", "description": "Books"}).location
    assert "Nobody belongs to this group yet." in admins.get(page).text
    assert client_of(user).get("/jobs/new/dataset_report").status_code == 200
    assert admins.post(f"{page}/types", data={"type": "dataset_report"}).status_code == 303
    assert client_of(user).get("/jobs/new/dataset_report").status_code == 404
    assert admins.get("/jobs/new/dataset_report").status_code == 200
    assert admins.post(f"{page}/members", data={"user": "ANA"}).status_code == 303
    assert client_of(user).get("/jobs/new/dataset_report").status_code == 200
    assert "Finance" in client_of(user).get("/me").text
    for shown in (page, "/admin/groups", f"/admin/users/{user.id}", "/admin/types/dataset_report"):
        text = admins.get(shown).text
        assert "Finance" in text, shown
    assert "only members of Finance, and admins" in text
    assert admins.post(f"{page}/members/{user.id}/remove").status_code == 303
    assert client_of(user).get("/jobs/new/dataset_report").status_code == 404


def test_bad_input_gets_a_sentence_and_keeps_what_was_typed(admins: FlaskClient, finance: UserGroup) -> None:
    page = f"/admin/groups/{finance.id}"
    for path, form, sentence in (
        ("/admin/groups", {"name": "Finance", "description": "Mine"}, "A group named Finance already exists."),
        ("/admin/groups", {"name": ""}, "a single line of 1 to 120 characters"),
        (f"{page}/members", {"user": "nobody"}, "There is no user nobody."),
        (f"{page}/members", {"user": ""}, "Enter a user name."),
        (f"{page}/types", {"type": "nothing"}, "There is no job type nothing that can be for a group."),
    ):
        refused = admins.post(path, data=form)
        assert (refused.status_code, sentence in refused.text) == (422, True), (path, form)
    assert 'value="Mine"' in admins.post("/admin/groups", data={"name": "Finance", "description": "Mine"}).text


def test_a_group_with_types_is_not_removed_because_everybody_could_start_them(
    admins: FlaskClient, services: Services, finance: UserGroup
) -> None:
    services.user_groups.set_types(finance, ["dataset_report"])
    page = f"/admin/groups/{finance.id}"
    assert "before you remove it" in admins.get(f"{page}/remove").text
    assert admins.post(f"{page}/remove").status_code == 409
    services.user_groups.set_types(finance, [])
    assert admins.post(f"{page}/remove").location == "/admin/groups"
    assert admins.get(page).status_code == 404


def test_who_belongs_by_single_sign_on_is_removed_there(
    admins: FlaskClient, services: Services, user: User, finance: UserGroup
) -> None:
    with writing(services.engine) as connection:
        set_groups_by_sign_on(connection, user.id, ["Finance"])
    page = f"/admin/groups/{finance.id}"
    assert "by single sign-on" in admins.get(page).text
    refused = admins.post(f"{page}/members/{user.id}/remove")
    assert (refused.status_code, "Change it there." in refused.text) == (409, True)


def test_members_are_shown_page_by_page(
    admins: FlaskClient,
    services: Services,
    person: Callable[..., User],
    finance: UserGroup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.views.groups.pages.MEMBERS", 2)
    for name in ("ana", "ben", "cem"):
        services.user_groups.add_member(finance, person(name).id)
    first = admins.get(f"/admin/groups/{finance.id}").text
    assert ("ben" in first, "cem" in first, "Next page" in first) == (True, False, True)
    assert "cem" in admins.get(f"/admin/groups/{finance.id}?after=ben").text
