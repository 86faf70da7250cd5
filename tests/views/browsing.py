"""A real browser in which people are signed in, on pages of the application under test; for `conftest.py`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
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
    with served(app) as address:
        yield address


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application in a thread; yield its address. No thread of a request outlives the server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # else nobody waits for them
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, address: str, app: Flask) -> Iterator[Callable[..., Page]]:
    """Open an empty page of a signed-in user: `open_page(user, java_script_enabled=False)`, with options of a context.

    The form would cost three pages: it is for the tests of signing in.
    """
    contexts: list[BrowserContext] = []

    def open_page(user: User, **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=address, **CALM, **options))
        client, name = app.test_client(), app.config["SESSION_COOKIE_NAME"]
        with client.session_transaction() as session:
            session["_user_id"] = app.extensions["deskjob"].sessions.begin(user.id)
        contexts[-1].add_cookies([{"name": name, "value": client.get_cookie(name).value, "url": address}])
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page], user: User) -> Page:
    """Open a page in which ana is signed in."""
    return open_page(user)


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
