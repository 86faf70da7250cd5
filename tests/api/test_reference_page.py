"""The page of the API: complete, true to this installation, and in the language of its reader."""

import re
import shlex
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import Program
from webapp.accounts.user import User
from webapp.api.blueprint import all_operations
from webapp.jobs.model.job import Job, Status


def lines_of(page: str) -> dict[str, str]:
    found = re.findall(r'<pre class="code" id="([\w-]+)"><code>(.*?)</code>', page, re.DOTALL)
    return {name: unescape(line) for name, line in found}


@pytest.fixture
def admins(client_of: Callable[[User], FlaskClient], admin: User) -> FlaskClient:
    return client_of(admin)


def test_an_admin_finds_every_operation_with_both_lines(admins: FlaskClient) -> None:
    lines = lines_of(admins.get("/api").text)
    for operation in all_operations():
        assert lines[f"curl-{operation.name}"].startswith("curl ")
        assert lines[f"python-{operation.name}"].startswith(f"requests.{operation.method.lower()}(")


def test_a_user_finds_the_operations_that_they_can_use(client_of: Callable[[User], FlaskClient], user: User) -> None:
    lines = lines_of(client_of(user).get("/api").text)
    assert "curl-create_job" in lines
    assert "curl-pause_queue" not in lines


def test_the_lines_work_as_they_are(
    client_of: Callable[[User], FlaskClient], program: Program, put: Callable[..., Job]
) -> None:
    put(Status.QUEUED)
    lines = lines_of(client_of(program.user).get("/api").text)
    for name in ("list_jobs", "get_job", "create_job", "list_types", "get_account", "cancel_job"):
        status = send(program, lines[f"curl-{name}"])
        assert status < 300, (name, lines[f"curl-{name}"])


def send(program: Program, line: str) -> int:
    """Send what a line of curl would send."""
    words = shlex.split(line.replace("$DESKJOB_TOKEN", program.text))
    assert words[:1] == ["curl"]
    assert f"Authorization: Bearer {program.text}" in words
    body = words[words.index("--json") + 1] if "--json" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    path = words[-1].removeprefix("http://localhost")
    options = {"data": body, "headers": {"Content-Type": "application/json"}} if body else {}
    return program.call(method, path, **options).status_code


def test_the_page_is_german_too(client_of: Callable[[User], FlaskClient], person: Callable[..., User]) -> None:
    page = client_of(person("uli", language="de")).get("/api").text
    assert "Einen Auftrag starten." in page
    assert "Start a job." not in page


def test_the_document_can_be_downloaded_in_the_browser(admins: FlaskClient) -> None:
    answer = admins.get("/api/openapi.json")
    assert answer.json["openapi"] == "3.1.0"
    assert "attachment" in answer.headers["Content-Disposition"]
