from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import Role, User
from webapp.jobs.model.job import Job
from webapp.services import Services

AuditEntries = Callable[[], list[dict[str, Any]]]
GOOD = "rivers under seven bridges"


def one_time_in(text: str) -> str:
    return text.partition('<code class="secret">')[2].partition("<")[0]


@pytest.mark.usefixtures("put")
def test_users_are_listed_and_searched(admin_client: FlaskClient, user: User, put: Callable[..., Job]) -> None:
    put()
    text = admin_client.get("/admin/users").text
    assert f'href="/admin/users/{user.id}"' in text
    assert '/admin/jobs?children=1&amp;owner=ana" data-number>1<' in text
    assert "Ana Ruiz" in admin_client.get("/admin/users?q=ruiz").text
    assert "No users found" in admin_client.get("/admin/users?q=<x>").text
    assert "&lt;x&gt;" in admin_client.get("/admin/users?q=<x>").text


def test_users_are_paged(admin_client: FlaskClient, person: Callable[..., User]) -> None:
    for number in range(51):
        person(f"p{number:02}")
    assert "after=p49" in (first := admin_client.get("/admin/users").text)
    assert "p50" not in first.replace("after=", "")
    assert "root" in admin_client.get("/admin/users?after=p49").text


def test_a_new_user_gets_a_password_that_is_shown_once(
    admin_client: FlaskClient, services: Services, password: str, audit_entries: AuditEntries
) -> None:
    done = admin_client.post("/admin/users/new", data={"name": "Linus", "role": "operator", "own_password": password})
    assert done.status_code == 303
    made = one_time_in(admin_client.get(done.location).text)
    assert made
    assert one_time_in(admin_client.get(done.location).text) == ""
    added = services.accounts.authenticate("linus", made)
    assert (added.role, added.password_is_temporary) == (Role.OPERATOR, True)
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["after"]) == ("user_add", {"role": "operator"})
    assert made not in str(audit_entries())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "a b"}, "A username must have 1 to 80 characters"),
        ({"name": "root"}, "An account named root already exists."),
        ({"password": "short"}, "A password must have 12 to 128 characters."),
        ({"email": "nothing"}, "This is not an email address."),
        ({"role": "king"}, "Unknown role"),
        ({"own_password": ""}, "Enter your password."),
        ({"own_password": "not mine at all"}, "Incorrect password."),
    ],
)
def test_a_refused_form_names_the_error_and_keeps_its_values(
    admin_client: FlaskClient, services: Services, password: str, wrong: dict[str, str], sentence: str
) -> None:
    typed = {"name": "linus", "full_name": "Linus T", "role": "auditor", "own_password": password, **wrong}
    refused = admin_client.post("/admin/users/new", data=typed)
    assert (refused.status_code, sentence in refused.text) == (422, True)
    assert 'value="Linus T"' in refused.text
    assert password not in refused.text
    assert services.accounts.by_name("linus") is None


def test_changing_a_role_needs_ones_own_password(
    admin_client: FlaskClient, services: Services, user: User, password: str, audit_entries: AuditEntries
) -> None:
    address = f"/admin/users/{user.id}/role"
    assert admin_client.post(address, data={"role": "operator"}).status_code == 422
    assert services.accounts.get(user.id).role is Role.USER
    assert admin_client.post(address, data={"role": "operator", "own_password": password}).status_code == 303
    assert services.accounts.get(user.id).role is Role.OPERATOR
    assert (audit_entries()[-1]["before"], audit_entries()[-1]["after"]) == ({"role": "user"}, {"role": "operator"})


def test_a_disabled_user_is_signed_out(
    admin_client: FlaskClient, client_of: Callable[[User], FlaskClient], user: User
) -> None:
    theirs = client_of(user)
    assert theirs.get("/jobs").status_code == 200
    assert "Disable the account of Ana Ruiz?" in admin_client.get(f"/admin/users/{user.id}/disable").text
    assert admin_client.post(f"/admin/users/{user.id}/disable").status_code == 303
    assert theirs.get("/jobs").status_code == 302
    assert "Enable account" in admin_client.get(f"/admin/users/{user.id}").text
    assert admin_client.post(f"/admin/users/{user.id}/enable").status_code == 303


def test_the_last_admin_cannot_be_disabled_or_demoted(
    admin_client: FlaskClient, services: Services, admin: User, password: str, audit_entries: AuditEntries
) -> None:
    for verb, sent in (("disable", {}), ("role", {"role": "user", "own_password": password})):
        refused = admin_client.post(f"/admin/users/{admin.id}/{verb}", data=sent)
        assert (refused.status_code, "is the last admin" in refused.text) == (409, True)
    assert services.accounts.get(admin.id).role is Role.ADMIN
    assert audit_entries() == []


def test_a_reset_password_is_temporary_and_ends_all_sessions(
    admin_client: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, user: User, password: str
) -> None:
    theirs = client_of(user)
    address = f"/admin/users/{user.id}/password"
    refused = admin_client.post(address, data={"own_password": "not mine at all"})
    assert (refused.status_code, "Incorrect password." in refused.text) == (422, True)
    done = admin_client.post(address, data={"own_password": password})
    made = one_time_in(admin_client.get(done.location).text)
    assert theirs.get("/jobs").status_code == 302, "their sessions have ended"
    assert services.accounts.authenticate("ana", made).password_is_temporary


def test_operators_see_users_but_cannot_change_them(operator: FlaskClient, user: User) -> None:
    text = operator.get(f"/admin/users/{user.id}").text
    assert "Only admins can do this." in text
    for verb in ("role", "disable", "enable", "password"):
        assert operator.post(f"/admin/users/{user.id}/{verb}").status_code == 403
    assert operator.get("/admin/users/new").status_code == 403


def test_the_job_count_of_a_user_is_capped(
    admin_client: FlaskClient, user: User, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.users.TAB_CEILING", 2)
    put()
    put()
    for path in ("/admin/users", f"/admin/users/{user.id}"):
        assert '/admin/jobs?children=1&amp;owner=ana" data-number>2+<' in admin_client.get(path).text
