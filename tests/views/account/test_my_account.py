from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.services import Services

Client = Callable[[User], FlaskClient]
GOOD = {"theme": "dark", "language": "de", "timezone": "Europe/Madrid", "notify": "failure", "live_updates": "on"}
NEW = "seven plain copper kettles"


@pytest.fixture
def client(client_of: Client, user: User) -> FlaskClient:
    return client_of(user)


def test_the_preferences_are_saved_and_shown(client: FlaskClient, services: Services, user: User) -> None:
    answer = client.post("/me", data=GOOD)
    assert (answer.status_code, answer.location) == (303, "/me?said=saved")
    kept = services.accounts.get(user.id)
    assert (kept.theme, kept.language, kept.timezone, kept.notify) == ("dark", "de", "Europe/Madrid", "failure")
    page = client.get(answer.location).text
    assert 'lang="de" data-theme="dark"' in page
    assert "Einstellungen gespeichert." in page
    assert 'value="Europe/Madrid" maxlength' in page


@pytest.mark.parametrize("wrong", [{"timezone": "Atlantis"}, {"theme": "pink"}, {"language": "xx"}, {"notify": "?"}])
def test_an_invalid_choice_gets_an_error_and_keeps_the_input(
    client: FlaskClient, services: Services, user: User, wrong: dict[str, str]
) -> None:
    answer = client.post("/me", data={**GOOD, **wrong})
    assert answer.status_code == 422
    [name] = wrong
    assert f'id="{name}-error"' in answer.text
    assert 'value="failure" checked' in answer.text or name == "notify"
    assert services.accounts.get(user.id) == user


def test_a_time_zone_can_be_typed_with_spaces(client: FlaskClient, services: Services, user: User) -> None:
    client.post("/me", data={**GOOD, "timezone": " America/New York "})
    assert services.accounts.get(user.id).timezone == "America/New_York"


def test_without_live_updates_no_page_polls(client: FlaskClient) -> None:
    assert 'hx-trigger="every' in client.get("/jobs").text
    client.post("/me", data={name: value for name, value in GOOD.items() if name != "live_updates"})
    quiet = client.get("/jobs").text
    assert "every " not in quiet
    assert "data-live" not in quiet


def test_a_new_password_ends_the_other_sessions_and_renews_this_one(
    client: FlaskClient, client_of: Client, services: Services, user: User, password: str
) -> None:
    elsewhere = client_of(user)
    answer = client.post("/me/password", data={"old": password, "new": NEW, "again": NEW})
    assert (answer.status_code, answer.location) == (303, "/me?said=password")
    assert client.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 302
    assert services.accounts.authenticate(user.name, NEW) == user


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"old": "a wrong old password"}, "old"), ({"again": "something else"}, "again"), ({"new": "short"}, "new")],
)
def test_a_password_is_not_changed_by_mistake(
    client: FlaskClient, services: Services, user: User, password: str, changed: dict[str, str], field: str
) -> None:
    typed = {"old": password, "new": NEW, "again": NEW} | changed
    answer = client.post("/me/password", data=typed | ({"again": "short"} if field == "new" else {}))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert services.accounts.authenticate(user.name, password) == user


def test_guesses_of_the_current_password_are_limited(client: FlaskClient, services: Services, user: User) -> None:
    services.wake_ups.connection.flushdb()
    typed = {"old": "a wrong old password", "new": NEW, "again": NEW}
    answers = [client.post("/me/password", data=typed).status_code for _ in range(12)]
    assert answers[0] == 422
    assert answers[-1] == 429
    services.wake_ups.connection.flushdb()


def test_a_user_ends_another_session(client: FlaskClient, client_of: Client, user: User) -> None:
    elsewhere = client_of(user)
    assert elsewhere.get("/me").status_code == 200
    page = client.get("/me").text
    action = page.split('action="/me/sessions/')[2].partition('"')[0]
    assert client.post(f"/me/sessions/{action}").status_code == 303
    assert elsewhere.get("/me").status_code == 302
    assert client.get("/me").status_code == 200


def test_a_user_ends_all_other_sessions(client: FlaskClient, client_of: Client, user: User) -> None:
    others = [client_of(user) for _ in range(2)]
    assert client.post("/me/sessions/end-others").status_code == 303
    assert [other.get("/me").status_code for other in (client, *others)] == [200, 302, 302]


def test_a_session_of_another_user_cannot_be_ended(
    client: FlaskClient, client_of: Client, admin: User, services: Services
) -> None:
    theirs = client_of(admin)
    [session] = services.sessions.of(admin.id, "")
    assert client.post(f"/me/sessions/{session.id}/end").status_code == 404
    assert theirs.get("/me").status_code == 200


def test_the_name_in_the_top_bar_links_to_the_settings(client: FlaskClient, user: User) -> None:
    assert f'href="/me" title="Settings of {user.full_name}"' in client.get("/jobs").text


def test_looking_changes_nothing(client: FlaskClient, services: Services, user: User) -> None:
    client.get("/me?theme=dark&language=de&said=%3Cb%3E")
    assert services.accounts.get(user.id) == user
