from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import Role, User
from webapp.jobs.model.job import Job
from webapp.services import Services

Noted = Callable[[], list[dict[str, Any]]]
GOOD = "rivers under seven bridges"


def one_time_in(text: str) -> str:
    return text.partition('<code class="secret">')[2].partition("<")[0]


@pytest.mark.usefixtures("put")
def test_people_are_listed_searched_and_paged(boss: FlaskClient, user: User, put: Callable[..., Job]) -> None:
    put()
    text = boss.get("/admin/users").text
    assert f'href="/admin/users/{user.id}"' in text
    assert '/admin/jobs?owner=ana" data-number>1<' in text
    assert "Ana Ruiz" in boss.get("/admin/users?q=ruiz").text
    assert "No users found" in boss.get("/admin/users?q=<x>").text
    assert "&lt;x&gt;" in boss.get("/admin/users?q=<x>").text


def test_many_people_come_page_by_page(boss: FlaskClient, person: Callable[..., User]) -> None:
    for number in range(51):
        person(f"p{number:02}")
    assert "after=p49" in (first := boss.get("/admin/users").text)
    assert "p50" not in first.replace("after=", "")
    assert "root" in boss.get("/admin/users?after=p49").text


def test_a_person_is_added_with_a_password_that_is_shown_once(
    boss: FlaskClient, services: Services, password: str, noted: Noted
) -> None:
    done = boss.post("/admin/users/new", data={"name": "Linus", "role": "operator", "own_password": password})
    assert done.status_code == 303
    made = one_time_in(boss.get(done.location).text)
    assert made
    assert one_time_in(boss.get(done.location).text) == ""
    added = services.accounts.authenticate("linus", made)
    assert (added.role, added.password_is_temporary) == (Role.OPERATOR, True)
    assert (noted()[-1]["action"], noted()[-1]["after"]) == ("user_add", {"role": "operator"})
    assert made not in str(noted())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "a b"}, "A name has 1 to 80 letters"),
        ({"name": "root"}, "There is an account named root already."),
        ({"password": "short"}, "A password has 12 to 128 characters."),
        ({"email": "nothing"}, "This is not an e-mail address."),
        ({"role": "king"}, "There is no role"),
        ({"own_password": ""}, "Type your own password."),
        ({"own_password": "not mine at all"}, "This is not your password."),
    ],
)
def test_a_form_with_a_mistake_says_which_and_loses_nothing(
    boss: FlaskClient, services: Services, password: str, wrong: dict[str, str], sentence: str
) -> None:
    typed = {"name": "linus", "full_name": "Linus T", "role": "auditor", "own_password": password, **wrong}
    refused = boss.post("/admin/users/new", data=typed)
    assert (refused.status_code, sentence in refused.text) == (422, True)
    assert 'value="Linus T"' in refused.text
    assert password not in refused.text
    assert services.accounts.by_name("linus") is None


def test_a_role_is_changed_after_ones_own_password(
    boss: FlaskClient, services: Services, user: User, password: str, noted: Noted
) -> None:
    address = f"/admin/users/{user.id}/role"
    assert boss.post(address, data={"role": "operator"}).status_code == 422
    assert services.accounts.get(user.id).role is Role.USER
    assert boss.post(address, data={"role": "operator", "own_password": password}).status_code == 303
    assert services.accounts.get(user.id).role is Role.OPERATOR
    assert (noted()[-1]["before"], noted()[-1]["after"]) == ({"role": "user"}, {"role": "operator"})


def test_a_disabled_person_is_out_with_the_next_request(
    boss: FlaskClient, client_of: Callable[[User], FlaskClient], user: User
) -> None:
    theirs = client_of(user)
    assert theirs.get("/jobs").status_code == 200
    assert "Disable the account of Ana Ruiz?" in boss.get(f"/admin/users/{user.id}/disable").text
    assert boss.post(f"/admin/users/{user.id}/disable").status_code == 303
    assert theirs.get("/jobs").status_code == 302
    assert "Enable account" in boss.get(f"/admin/users/{user.id}").text
    assert boss.post(f"/admin/users/{user.id}/enable").status_code == 303


def test_the_last_admin_is_kept_with_a_sentence(
    boss: FlaskClient, services: Services, admin: User, password: str, noted: Noted
) -> None:
    for verb, sent in (("disable", {}), ("role", {"role": "user", "own_password": password})):
        refused = boss.post(f"/admin/users/{admin.id}/{verb}", data=sent)
        assert (refused.status_code, "is the last admin" in refused.text) == (409, True)
    assert services.accounts.get(admin.id).role is Role.ADMIN
    assert noted() == []


def test_a_new_password_is_for_one_time(
    boss: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, user: User, password: str
) -> None:
    theirs = client_of(user)
    address = f"/admin/users/{user.id}/password"
    refused = boss.post(address, data={"own_password": "not mine at all"})
    assert (refused.status_code, "This is not your password." in refused.text) == (422, True)
    done = boss.post(address, data={"own_password": password})
    made = one_time_in(boss.get(done.location).text)
    assert theirs.get("/jobs").status_code == 302, "their sessions have ended"
    assert services.accounts.authenticate("ana", made).password_is_temporary


def test_an_operator_sees_people_and_may_not_change_them(operator: FlaskClient, user: User) -> None:
    text = operator.get(f"/admin/users/{user.id}").text
    assert "Only admins may do this." in text
    for verb in ("role", "disable", "enable", "password"):
        assert operator.post(f"/admin/users/{user.id}/{verb}").status_code == 403
    assert operator.get("/admin/users/new").status_code == 403


def test_very_many_jobs_are_not_counted_one_by_one(
    boss: FlaskClient, user: User, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.users.TAB_CEILING", 2)
    put()
    put()
    for path in ("/admin/users", f"/admin/users/{user.id}"):
        assert '/admin/jobs?owner=ana" data-number>2+<' in boss.get(path).text
