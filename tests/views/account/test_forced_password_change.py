from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.config import Settings
from webapp.services import Services

GOOD = "rivers under seven bridges"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"login_limit": "10000 per minute", "address_limit": "10000 per minute"})


@pytest.fixture
def newcomer(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("nia", password_is_temporary=True))


def test_a_one_time_password_leads_only_to_the_password_page(newcomer: FlaskClient) -> None:
    for path in ("/jobs", "/jobs/new", "/nothing"):
        answer = newcomer.get(path)
        assert (answer.status_code, answer.location) == (303, "/new-password")
    fragment = newcomer.get("/jobs/_live", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/new-password")
    assert newcomer.get("/new-password").status_code == 200
    assert newcomer.get("/static/live.js").status_code == 200


def test_a_new_password_gives_access_and_ends_other_sessions(
    newcomer: FlaskClient, client_of: Callable[[User], FlaskClient], services: Services, password: str
) -> None:
    elsewhere = client_of(services.accounts.by_name("nia"))
    done = newcomer.post("/new-password", data={"own_password": password, "password": GOOD, "repeated": GOOD})
    assert done.status_code == 303
    assert newcomer.get("/jobs").status_code == 200
    assert elsewhere.get("/jobs").status_code == 302
    assert services.accounts.authenticate("nia", GOOD) is not None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"repeated": "something else than that"}, "The new passwords do not match."),
        ({"password": "short", "repeated": "short"}, "A password must have 12 to 128 characters."),
        ({"own_password": "not the one I was given"}, "Incorrect password."),
    ],
)
def test_an_invalid_new_password_is_refused(
    newcomer: FlaskClient, services: Services, password: str, typed: dict[str, str], sentence: str
) -> None:
    data = {"own_password": password, "password": GOOD, "repeated": GOOD, **typed}
    refused = newcomer.post("/new-password", data=data)
    assert (refused.status_code, sentence in refused.text) == (422, True)
    assert services.accounts.by_name("nia").password_is_temporary


def test_the_one_time_password_is_not_kept(newcomer: FlaskClient, password: str) -> None:
    data = dict.fromkeys(("own_password", "password", "repeated"), password)
    assert "This is your current password." in newcomer.post("/new-password", data=data).text
