from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import login_required

from tests.views.security.conftest import sample
from webapp.accounts.user import User
from webapp.views.page.problem_details import API_ROOT
from webapp.views.security.default_deny import PUBLIC, WEBHOOKS

FRAGMENT = {"HX-Request": "true", "HX-Current-URL": "http://localhost/sample?tab=done"}


def every_request(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and an address of every route there is."""
    urls = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        values = {argument: sample(rule, argument) for argument in rule.arguments}
        for method in rule.methods or ():
            yield rule.endpoint, method, urls.build(rule.endpoint, values)


def next_of(location: str) -> str:
    address = urlsplit(location)
    assert (address.netloc, address.path) == ("", "/login")
    return parse_qs(address.query).get("next", [""])[0]


def test_anonymous_requests_lead_to_the_sign_in_page(site: Flask, stranger: FlaskClient) -> None:
    every = (request for request in every_request(site) if not request[2].startswith(API_ROOT))
    closed = [request for request in every if request[0] not in PUBLIC]
    assert len(closed) >= 8
    for endpoint, method, url in closed:
        response = stranger.open(url, method=method)
        assert response.status_code in {302, 303}, (endpoint, method)
        assert urlsplit(response.location).path == "/login", (endpoint, method)


def test_anonymous_requests_do_not_reveal_which_pages_exist(stranger: FlaskClient) -> None:
    assert stranger.get("/sample/nothing").status_code == stranger.get("/sample").status_code == 302


def test_only_the_listed_routes_are_public() -> None:
    health = {"health.healthz", "health.readyz", "health.one_part"}
    assert {
        "auth.login",
        "sign_on.begin",
        "sign_on.finish",
        "sign_on.by_proxy",
        "second_factor.ask",
        "static",
        *health,
        "metrics.show",
        WEBHOOKS,
    } == PUBLIC


def test_sign_in_leads_back_to_the_requested_page(stranger: FlaskClient) -> None:
    assert next_of(stranger.get("/sample?tab=done&x=a%20b").location) == "/sample?tab=done&x=a%20b"


def test_the_home_page_needs_no_mention(stranger: FlaskClient) -> None:
    assert stranger.get("/jobs").location == "/login"


def test_a_form_that_came_too_late_leads_back_to_its_page(stranger: FlaskClient) -> None:
    url = f"/sample/{uuid4()}/stop"
    response = stranger.post(url, headers={"Referer": "http://localhost/sample?tab=done"})
    assert response.status_code == 303
    assert next_of(response.location) == "/sample?tab=done"
    assert next_of(stranger.post(url).location) == ""


def test_anonymous_requests_to_the_api_get_a_problem(site: Flask, stranger: FlaskClient) -> None:
    every = (request for request in every_request(site) if request[0] not in PUBLIC)
    operations = [request for request in every if request[2].startswith(API_ROOT)]
    for endpoint, method, url in [*operations, ("nowhere", "GET", f"{API_ROOT}/nowhere")]:
        response = stranger.open(url, method=method)
        assert (response.status_code, response.mimetype) == (401, "application/problem+json"), (endpoint, method)


def test_the_messages_of_webhooks_need_no_token_and_no_other_request_does(site: Flask, stranger: FlaskClient) -> None:
    doors = [(method, url) for endpoint, method, url in every_request(site) if endpoint == WEBHOOKS]
    assert [method for method, _url in doors] == ["POST"]
    for method, url in doors:
        response = stranger.open(url, method=method)
        assert (response.status_code, response.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fragment_without_login_moves_the_whole_page(stranger: FlaskClient, method: str) -> None:
    response = stranger.open("/sample/_live", method=method, headers=FRAGMENT)
    assert (response.status_code, response.data) == (401, b"")
    assert next_of(response.headers["HX-Redirect"]) == "/sample?tab=done"


@pytest.mark.parametrize(
    "page", ["http://evil.example//evil.example", "//evil.example", "javascript:alert(1)", "http://[", ""]
)
def test_a_forged_page_of_a_fragment_leads_home(stranger: FlaskClient, page: str) -> None:
    response = stranger.get("/sample/_live", headers=FRAGMENT | {"HX-Current-URL": page})
    assert response.headers["HX-Redirect"] == "/login"


def test_a_fragment_in_the_address_bar_leads_to_its_page(stranger: FlaskClient) -> None:
    assert stranger.get("/jobs/_live").location == "/login"
    assert next_of(stranger.get("/jobs/_live?tab=failed").location) == "/jobs?tab=failed"


def test_a_signed_in_user_has_access(site: Flask, client_of: Callable[[User], FlaskClient], user: User) -> None:
    client = client_of(user)
    assert client.get("/sample").text == "a page"
    assert client.get("/sample/nothing").status_code == 404
    assert client.post(f"/sample/{uuid4()}/stop").text == "done"


def test_flask_logins_own_decorator_answers_the_same(site: Flask, stranger: FlaskClient) -> None:
    site.view_functions["static"] = login_required(lambda filename: filename)
    assert stranger.get("/static/x").location == "/login?next=/static/x"


def test_anonymous_bodies_are_limited(stranger: FlaskClient) -> None:
    assert stranger.post("/login", data={"name": "x" * 20_000}).status_code == 413
