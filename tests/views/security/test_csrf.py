from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.security.conftest import sample
from webapp.accounts.user import User
from webapp.views.page.problem_details import API_ROOT

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
SENTENCE = "Nothing was changed"


@pytest.fixture
def signed_in(site: Flask, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def without_token(signed_in: FlaskClient) -> FlaskClient:
    del signed_in.environ_base["HTTP_X_CSRFTOKEN"]
    return signed_in


def unsafe_requests(app: Flask) -> list[tuple[str, str]]:
    urls = app.url_map.bind("localhost")
    return [
        (method, urls.build(rule.endpoint, {name: sample(rule, name) for name in rule.arguments}))
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(API_ROOT)  # no cookie authorises a request there
        for method in UNSAFE & (rule.methods or set())
    ]


def test_nothing_is_changed_without_the_token(site: Flask, without_token: FlaskClient) -> None:
    requests = unsafe_requests(site)
    assert len(requests) >= 5
    for method, url in requests:
        response = without_token.open(url, method=method)
        assert (response.status_code, SENTENCE in response.text) == (400, True), (method, url)


@pytest.mark.parametrize("token", ["", "x", "ImZvcmdlZCI.aaaa.bbbb"])
def test_a_forged_csrf_token_is_refused(without_token: FlaskClient, token: str) -> None:
    url = f"/sample/{uuid4()}/stop"
    assert without_token.post(url, data={"csrf_token": token}).status_code == 400
    assert without_token.post(url, headers={"X-CSRFToken": token}).status_code == 400


def test_the_token_of_another_user_is_refused(
    signed_in: FlaskClient, site: Flask, client_of: Callable[[User], FlaskClient], admin: User
) -> None:
    other = client_of(admin)
    with other.session_transaction() as session:
        session["csrf_token"] = "o" * 40
    assert other.post(f"/sample/{uuid4()}/stop", headers={}).status_code == 400


@pytest.mark.parametrize(("where", "status"), [("cross-site", 400), ("same-origin", 200), ("none", 200)])
def test_a_form_from_another_site_is_refused(signed_in: FlaskClient, where: str, status: int) -> None:
    response = signed_in.post(f"/sample/{uuid4()}/stop", headers={"Sec-Fetch-Site": where})
    assert response.status_code == status


def test_links_from_other_sites_work(signed_in: FlaskClient) -> None:
    assert signed_in.get("/sample", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_login_cannot_be_forged_either(stranger: FlaskClient) -> None:
    assert stranger.post("/login", data={"name": "ana", "password": "x"}).status_code == 400
