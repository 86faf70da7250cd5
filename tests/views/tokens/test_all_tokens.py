"""The page of all API tokens, and of service accounts."""

import pytest
from flask.testing import FlaskClient

from tests.views.admin.test_users import one_time_in
from webapp.accounts.audit_query import AuditCriteria
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.services import Services

FORM = {"name": "deployment", "scope": ["operate"], "lifetime": "never"}


def test_a_service_account_gets_a_token(admins: FlaskClient, services: Services, password: str) -> None:
    made = admins.post(
        "/admin/users/new", data={"name": "robot", "role": "operator", "service": "1", "own_password": password}
    )
    assert made.location == "/admin/tokens?user=robot"
    done = admins.post("/admin/tokens", data={**FORM, "user": "robot", "own_password": password})
    text = one_time_in(admins.get(done.location).text)
    assert services.tokens.find(text)[0].name == "robot"
    newest = services.audit_trail.page(AuditCriteria())
    assert newest[0].action == "token_add"
    assert text not in str(newest)
    page = admins.get(f"/admin/users/{services.accounts.by_name('robot').id}").text
    assert "Service account" in page
    assert "Reset password" not in page


@pytest.mark.parametrize("name", ["ana", "nobody", ""])
def test_an_admin_creates_tokens_of_service_accounts_only(
    admins: FlaskClient, services: Services, user: User, password: str, name: str
) -> None:
    done = admins.post("/admin/tokens", data={**FORM, "user": name, "own_password": password})
    assert done.status_code == 422
    assert services.tokens.all() == ()


def test_a_service_account_gets_no_password(admins: FlaskClient, services: Services, password: str) -> None:
    robot = services.accounts.add_service("robot")
    done = admins.post(f"/admin/users/{robot.id}/password", data={"own_password": password})
    assert done.status_code == 409
    assert services.accounts.get(robot.id) == robot


def test_an_admin_revokes_the_token_of_any_user(admins: FlaskClient, services: Services, user: User) -> None:
    token, text = services.tokens.add(user, "nightly", [Scope.READ])
    assert "nightly" in admins.get("/admin/tokens").text
    assert "Revoke the token nightly?" in admins.get(f"/admin/tokens/{token.id}/revoke").text
    admins.post(f"/admin/tokens/{token.id}/revoke")
    assert services.tokens.find(text) is None
