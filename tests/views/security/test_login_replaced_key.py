import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import Settings
from webapp.services import Services

OLD, NEW = SecretStr("o" * 40), SecretStr("n" * 40)
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def client_with(services: Services, user: User) -> Callable[..., FlaskClient]:
    """Return a signed-in client of an installation with these keys; ``cookie`` is that of an earlier one."""

    def make(cookie: str = "", **keys: SecretStr | None) -> FlaskClient:
        settings: Settings = services.settings.model_copy(update=keys)
        app = create_app(settings)
        client = app.test_client()
        if cookie:
            client.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie)
        else:
            with client.session_transaction() as session:
                session["_user_id"] = services.sessions.begin(user.id)
        return client

    return make


def cookie_of(client: FlaskClient) -> str:
    found = client.get_cookie(client.application.config["SESSION_COOKIE_NAME"])
    assert found is not None
    return found.value


def test_sessions_and_open_forms_survive_a_new_key(client_with: Callable[..., FlaskClient]) -> None:
    before = client_with(secret_key=OLD, secret_key_old=None)
    found = _TOKEN.search(before.get("/me").text)
    assert found
    after = client_with(cookie_of(before), secret_key=NEW, secret_key_old=OLD)
    assert after.get("/jobs").status_code == 200

    sent = after.post("/notices/read", data={"csrf_token": found[1]})
    assert "has expired or was not sent from this site" not in sent.text
    forged = after.post("/notices/read", data={"csrf_token": f"{found[1]}x"})
    assert "has expired or was not sent from this site" in forged.text


def test_without_the_old_key_users_sign_in_again(client_with: Callable[..., FlaskClient]) -> None:
    before = client_with(secret_key=OLD, secret_key_old=None)
    after = client_with(cookie_of(before), secret_key=NEW, secret_key_old=None)
    assert after.get("/jobs").status_code == 302
