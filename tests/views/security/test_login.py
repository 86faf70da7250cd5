from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import load
from webapp.schema import sessions
from webapp.services import Services


@pytest.fixture
def signed_in(site: Flask, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


def unused_for(services: Services, span: timedelta) -> None:
    with services.engine.begin() as connection:
        connection.execute(update(sessions).values(seen_at=datetime.now(UTC) - span))


def idle_time(services: Services) -> timedelta:
    with services.engine.connect() as connection:
        return datetime.now(UTC) - connection.execute(select(sessions.c.seen_at)).scalar_one()


def test_an_unused_session_leads_to_the_login(services: Services, signed_in: FlaskClient) -> None:
    assert signed_in.get("/sample").status_code == 200
    unused_for(services, timedelta(minutes=31))
    assert signed_in.get("/sample").location == "/login?next=/sample"
    assert "Your session has ended" in signed_in.get("/login").text


def test_a_disabled_user_is_signed_out_with_the_next_request(services: Services, signed_in: FlaskClient) -> None:
    services.accounts.disable("ana")
    assert signed_in.get("/sample").status_code == 302


@pytest.mark.parametrize(("address", "headers"), [("/sample/_live", {}), ("/sample", {"X-Poll": "1"})])
def test_a_poll_does_not_keep_a_session(
    services: Services, signed_in: FlaskClient, address: str, headers: dict[str, str]
) -> None:
    unused_for(services, timedelta(minutes=20))
    assert signed_in.get(address, headers=headers).status_code == 200
    assert idle_time(services) > timedelta(minutes=19)


def test_opening_a_page_extends_the_session(services: Services, signed_in: FlaskClient) -> None:
    unused_for(services, timedelta(minutes=20))
    signed_in.get("/sample")
    assert idle_time(services) < timedelta(minutes=1)


def test_the_cookie_of_another_program_on_this_host_keeps_nobody_out(signed_in: FlaskClient) -> None:
    signed_in.set_cookie("remember_token", "of another Flask application")
    assert signed_in.get("/sample").status_code == 200


def test_an_unsigned_cookie_gives_no_access(stranger: FlaskClient) -> None:
    stranger.set_cookie("deskjob", "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert stranger.get("/sample").status_code == 302


def test_a_request_of_its_own_sets_no_cookie_again(signed_in: FlaskClient) -> None:
    assert "Set-Cookie" not in signed_in.get("/sample").headers


@pytest.mark.parametrize(
    ("public_url", "name", "secure"),
    [
        ("", "deskjob", False),
        ("http://nas.local", "deskjob", False),
        ("https://jobs.example.org", "__Host-deskjob", True),
        ("https://example.org/office/", "__Secure-deskjob", True),
    ],
)
def test_the_cookie_is_for_this_site_alone(tmp_path: Path, public_url: str, name: str, *, secure: bool) -> None:
    app = create_app(load(data_dir=tmp_path, public_url=public_url))
    first, *attributes = app.test_client().get("/login").headers["Set-Cookie"].split("; ")
    assert first.startswith(f"{name}=")
    path = "/office" if "office" in public_url else "/"
    assert set(attributes) == {"HttpOnly", f"Path={path}", "SameSite=Lax"} | ({"Secure"} if secure else set())
