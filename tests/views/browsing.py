"""A real browser in which ana is signed in, on pages of the application under test; for `conftest.py`."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page
from sqlalchemy import update
from werkzeug.serving import make_server

from tests.browser import CALM
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.schema import jobs
from webapp.services import Services


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser, address: str, user: User, client_of: Callable[[User], FlaskClient]) -> Iterator[Page]:
    """A page in which ana is signed in as with `client_of`: the form is for the tests of signing in."""
    context = browser.new_context(base_url=address, **CALM)
    client = client_of(user)
    name = client.application.config["SESSION_COOKIE_NAME"]
    context.add_cookies([{"name": name, "value": client.get_cookie(name).value, "url": address}])
    yield context.new_page()
    context.close()


@pytest.fixture
def change(services: Services) -> Callable[..., None]:
    def change(job: Job, **values: Any) -> None:
        with writing(services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(version=jobs.c.version + 1, **values))

    return change


def complaints_of(page: Page) -> list[str]:
    found: list[str] = []
    page.on(
        "console",
        lambda message: found.append(f"{page.url}: {message.text}") if message.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def polls_of(page: Page) -> list[str]:
    found: list[str] = []
    page.on("request", lambda asked: found.append(asked.url) if "x-poll" in asked.headers else None)
    return found
