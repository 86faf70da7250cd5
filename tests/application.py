"""The application of a test, or the services of a process without pages, and a work-horse that runs its jobs."""

import os
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from tests.missing_names import MissingName
from tests.shared_caches import CompiledTemplates, share_statements
from webapp.app import create_app
from webapp.config import Settings, load
from webapp.db.engine import engine_options
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.services import Services
from webapp.views.page.user_shares import stored_files, streams, uploads


class IsolatedClient(FlaskClient):
    """A client that runs each request in a new context; otherwise `flask.g` would last for the whole test.

    It reads each response to its end, so that files are closed; `buffered=False` leaves that to the test.
    """

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, buffered=buffered, **kwargs)


@pytest.fixture(scope="session")
def usual_settings(valkey_url: str) -> Settings:
    # a work-horse that a test drains is its own process, of whose memory it must not run out
    return load(redis_url=valkey_url, secret_key="k" * 32, horse_megabytes=1_000_000)


@pytest.fixture
def settings(request: pytest.FixtureRequest, usual_settings: Settings, database_url: str, tmp_path: Path) -> Settings:
    name = request.getfixturevalue("storage") if "storage" in request.fixturenames else "disk"
    place = request.getfixturevalue("s3_place") if name == "s3" else {}
    return usual_settings.model_copy(update={"data_dir": tmp_path, "database_url": database_url, **place})


@pytest.fixture(scope="session")
def compiled_templates(shared_folder: Path) -> CompiledTemplates:
    """Share compiled templates among all tests: compiling them takes longer than most tests."""
    folder = shared_folder / "templates"
    folder.mkdir(exist_ok=True)
    return CompiledTemplates(str(folder))


@pytest.fixture
def app(settings: Settings, compiled_templates: CompiledTemplates) -> Iterator[Flask]:
    app = create_app(settings)
    share_statements(app.extensions["deskjob"].engine)
    app.jinja_env.bytecode_cache = compiled_templates
    app.jinja_env.undefined = MissingName
    app.test_client_class = IsolatedClient
    with app.app_context():
        yield app
        app.extensions["deskjob"].engine.dispose()
    shares = (uploads, streams, stored_files)
    unclosed = sum(share._counts.total() for share in shares)
    for share in shares:
        share._counts.clear()
    assert not unclosed, "an answer was not closed, and would count as a download in all later tests"


@pytest.fixture
def services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    """Return the services of the application, or those of a process without pages if the test asks for none."""
    if "app" in request.fixturenames:
        yield request.getfixturevalue("app").extensions["deskjob"]
        return
    connections = create_engine(settings.database, **engine_options(settings.database))
    share_statements(connections)
    yield Services(settings, connections).build()
    connections.dispose()


@pytest.fixture
def run_jobs(services: Services) -> Callable[..., int]:
    """Run the waiting jobs of a queue in this process, as a work-horse does; return how many ran."""

    def run(queue: str = "default") -> int:
        holder = Holder(host="here", boot_id="now", worker="tests", pid=os.getpid())
        lease_id = services.leases.open(holder, queue)
        location, count = AttemptLocation(worker="tests", host="here", pid=os.getpid()), 0
        while ran := services.work_horse().drain(queue, lease_id, location):  # it ends when it must be replaced
            count += ran
        services.leases.settle(lease_id, why="The test is over.")
        return count

    return run
