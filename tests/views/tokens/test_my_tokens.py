"""The page of one's own API tokens."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.views.admin.test_users import one_time_in
from webapp.accounts.audit_query import AuditCriteria
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.services import Services

FORM = {"name": "nightly import", "scope": ["read", "start"], "lifetime": "30"}


def test_a_token_is_shown_once_and_works(client: FlaskClient, services: Services, user: User, password: str) -> None:
    assert "No API tokens yet" in client.get("/me/tokens").text
    done = client.post("/me/tokens", data={**FORM, "own_password": password})
    assert done.status_code == 303
    text = one_time_in(client.get(done.location).text)
    assert services.tokens.find(text)[0] == user
    again = client.get("/me/tokens").text
    assert text not in again
    assert "nightly import" in again
    assert text[:9] in again


@pytest.mark.parametrize(("lifetime", "recorded"), [("30", {"lasts": "30 d"}), ("never", {})])
def test_the_audit_log_says_how_long_a_token_lasts(
    client: FlaskClient, services: Services, user: User, password: str, lifetime: str, recorded: dict[str, str]
) -> None:
    client.post("/me/tokens", data={**FORM, "lifetime": lifetime, "own_password": password})
    newest = services.audit_trail.page(AuditCriteria())[0]
    assert newest.after == {"user": user.name, "scopes": "read, start", **recorded}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"own_password": ""}, "Enter your password."),
        ({"own_password": "wrong"}, "Incorrect password."),
        ({"name": ""}, "A token needs a name"),
        ({"scope": []}, "Choose at least one scope."),
        ({"scope": ["admin"]}, "does not allow the scope admin"),
    ],
)
def test_a_bad_form_comes_back_with_its_values(
    client: FlaskClient, services: Services, user: User, password: str, change: dict[str, str], sentence: str
) -> None:
    done = client.post("/me/tokens", data={**FORM, "own_password": password, **change})
    assert done.status_code == 422
    assert sentence in done.text
    assert '<option value="30" selected>' in done.text
    assert services.tokens.of(user.id) == ()


def test_users_are_offered_the_scopes_of_their_role(client: FlaskClient, admins: FlaskClient) -> None:
    assert 'value="operate"' not in client.get("/me/tokens").text
    assert 'value="operate"' in admins.get("/me/tokens").text


def test_revoking_asks_first(client: FlaskClient, services: Services, user: User) -> None:
    token, text = services.tokens.add(user, "nightly", [Scope.READ])
    assert "Revoke the token nightly?" in client.get(f"/me/tokens/{token.id}/revoke").text
    assert services.tokens.find(text)
    assert client.post(f"/me/tokens/{token.id}/revoke").status_code == 303
    assert services.tokens.find(text) is None
    assert "Revoked" in client.get("/me/tokens").text


def test_nobody_revokes_the_token_of_another_user_here(
    client: FlaskClient, services: Services, admin: User, client_of: Callable[[User], FlaskClient]
) -> None:
    token, _ = services.tokens.add(admin, "nightly", [Scope.READ])
    assert client.post(f"/me/tokens/{token.id}/revoke").status_code == 404
    assert services.tokens.get(token.id).revoked_at is None
