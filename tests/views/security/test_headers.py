from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import load
from webapp.views.security.headers import ALWAYS

ADDRESSES = (
    "/login",
    "/sample",
    "/sample/_live",
    "/sample/nothing",
    "/sample/broken",
    "/static/favicon.svg",
    "/static/no",
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def signed_in(site: Flask, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_answer_has_the_headers(signed_in: FlaskClient, stranger: FlaskClient, address: str, method: str) -> None:
    for client in (signed_in, stranger):
        headers = client.open(address, method=method).headers
        assert {name: headers[name] for name in ALWAYS} == dict(ALWAYS)
        assert headers["Content-Security-Policy"] == POLICY
        assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("address", [address for address in ADDRESSES if "static" not in address])
def test_pages_are_not_cached(signed_in: FlaskClient, address: str) -> None:
    headers = signed_in.get(address).headers
    assert headers["Cache-Control"] == "no-store"
    assert "HX-Request" in headers["Vary"]


def test_a_view_may_say_how_long_its_page_is_kept(signed_in: FlaskClient) -> None:
    assert signed_in.get("/sample/cached").headers["Cache-Control"] == "max-age=60"


def test_a_sent_file_is_not_kept_because_flask_says_no_cache(site: Flask, signed_in: FlaskClient) -> None:
    site.view_functions["sample"] = lambda: site.send_static_file("favicon.svg")
    assert signed_in.get("/sample").headers["Cache-Control"] == "no-store"


def test_static_files_may_be_kept(stranger: FlaskClient) -> None:
    response = stranger.get("/static/favicon.svg")
    assert response.status_code == 200
    assert "no-store" not in response.headers["Cache-Control"]


def test_over_https_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    app = create_app(load(data_dir=tmp_path, public_url="https://jobs.example.org"))
    headers = app.test_client().get("/static/favicon.svg", buffered=True).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_nothing_but_the_page_says_what_runs_here(signed_in: FlaskClient) -> None:
    headers = signed_in.get("/sample").headers
    assert not {"Server", "X-Powered-By"} & set(headers.keys())
