"""The whole way with a provider that others wrote, in a process of its own: oidc-provider-mock on Authlib's server."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask

from tests.application import IsolatedClient
from webapp.accounts.user import Role
from webapp.app import create_app
from webapp.config import Settings

SITE = "http://localhost"
CALLBACK = f"{SITE}/login/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-registration", "true"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    while True:
        assert process.poll() is None, "the provider did not start"
        try:
            requests.get(f"{address}/jwks", timeout=60)
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def app_there(provider: str, settings: Settings) -> Iterator[Flask]:
    registered = requests.post(f"{provider}/oauth2/clients", json={"redirect_uris": [CALLBACK]}, timeout=60).json()
    changes = {
        "public_url": SITE,
        "oidc_issuer": provider,
        "oidc_client_id": registered["client_id"],
        "oidc_client_secret": registered["client_secret"],
        "oidc_role_claim": "groups",
        "sign_on_roles": "staff=auditor",
    }
    app = create_app(Settings(**{**settings.model_dump(), **changes}))
    app.test_client_class = IsolatedClient
    with app.app_context():
        yield app
        app.extensions["deskjob"].engine.dispose()


def person_signs_in(address: str) -> str:
    """Do what the user does on the page of the provider; return where it sends the browser."""
    answer = requests.post(address, data={"sub": "ana"}, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def test_somebody_signs_on_and_out(provider: str, app_there: Flask) -> None:
    claims = {"preferred_username": "ana", "name": "Ana Ruiz", "email": "ana@example.org", "groups": ["staff"]}
    requests.put(f"{provider}/users/ana", json=claims, timeout=60)
    browser, services = app_there.test_client(), app_there.extensions["deskjob"]
    there = browser.get("/login/sign-on?next=/me")
    back = person_signs_in(there.location)
    assert back.startswith(f"{CALLBACK}?")
    code = parse_qs(urlsplit(back).query)["code"][0]

    landed = browser.get(back.removeprefix(SITE))
    assert (landed.status_code, landed.location) == (303, "/me")
    ana = services.accounts.by_name("ana")
    assert (ana.role, ana.full_name, ana.email) == (Role.AUDITOR, "Ana Ruiz", "ana@example.org")

    replay_with_another_state(app_there, code)

    app_there.config["WTF_CSRF_ENABLED"] = False
    page = browser.post("/logout").text
    [leaving] = re.findall(r'content="0;url=([^"]+)"', page)
    answer = requests.get(leaving.replace("&amp;", "&"), timeout=60)
    assert answer.status_code == 200
    assert f"{SITE}/login" in answer.text


def replay_with_another_state(app: Flask, code: str) -> None:
    """A code that was used signs nobody in, not even in a browser that has just begun to sign in."""
    thief = app.test_client()
    state = parse_qs(urlsplit(thief.get("/login/sign-on").location).query)["state"][0]
    refused = thief.get("/login/callback", query_string={"state": state, "code": code})
    assert (refused.status_code, "refused to confirm this sign-in" in refused.text) == (422, True)
    assert thief.get("/me").status_code == 302


def test_the_provider_sends_nobody_to_an_address_that_is_not_registered(provider: str, app_there: Flask) -> None:
    address = app_there.test_client().get("/login/sign-on").location
    wrong = address.replace("login%2Fcallback", "elsewhere")
    assert wrong != address
    assert requests.get(wrong, allow_redirects=False, timeout=60).status_code == 400


def test_a_wrong_secret_signs_nobody_in(provider: str, app_there: Flask, settings: Settings) -> None:
    given: Settings = app_there.extensions["deskjob"].settings
    app = create_app(Settings(**{**given.model_dump(), "oidc_client_secret": "wrong"}))
    with app.app_context():
        browser = app.test_client()
        back = person_signs_in(browser.get("/login/sign-on").location)
        response = browser.get(back.removeprefix(SITE))
        assert (response.status_code, "refused to confirm this sign-in" in response.text) == (422, True)
        app.extensions["deskjob"].engine.dispose()
