"""The debug bundle of a job, its log as text, and long parameters."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, SecretStr

from tests.asked_jobs import QUESTION, asked_job
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.questions.question import user_key
from webapp.jobs.store import step_rows
from webapp.jobs.store.step_rows import Step
from webapp.services import Services

Put = Callable[..., Job]
Attach = Callable[..., Any]
ENDS = ("bundle.zip", "log.txt", "parameters/note")


class Letter(BaseModel):
    note: str = ""
    key: SecretStr | None = None


@job_type("letter", title="Letter")
def letter(job: Any, payload: Letter) -> None:
    """Write it."""


@pytest.fixture(autouse=True)
def _known(services: Services) -> None:
    services.registry.add(letter)


def archive(client: FlaskClient, job: Job) -> ZipFile:
    answer = client.get(f"/jobs/{job.id}/bundle.zip")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f"attachment; filename=job-{job.short_id}.zip"
    return ZipFile(BytesIO(answer.data))


def test_the_bundle_contains_everything_but_secrets(
    client: FlaskClient, put: Put, attach: Attach, write_log: Callable[..., None], services: Services
) -> None:
    payload = {"note": "hello", "key": services.vault.encrypt(SecretStr("hush"))}
    job = put(Status.FAILED, type="letter", payload=payload, errors=({"text": "No stamp."},))
    attach(job, "part.csv", b"a,b\n" * 50_000)
    attach(job, "part.csv", b"the same name")
    write_log(job, "first line", "second line")
    found = archive(client, job)
    assert found.testzip() is None
    job_json = json.loads(found.read("job.json"))
    assert job_json["parameters"] == {"note": "hello", "key": "••••••"}
    assert job_json["errors"][0]["text"] == "No stamp."
    assert "$secret" not in found.read("job.json").decode()
    assert "second line" in found.read("log.txt").decode()
    files = [name for name in found.namelist() if name.startswith("files/")]
    assert sorted(len(found.read(name)) for name in files) == [13, 200_000]
    assert {"timeline.json", "attempts.json", "files.json"} <= set(found.namelist())


def test_the_bundle_has_the_steps_and_the_questions_with_their_answers(
    client: FlaskClient, user: User, services: Services
) -> None:
    job, _ = asked_job(services, asked_of=user_key(user.id), owner=user.id)
    services.jobs.answer(job.id, {"keep": True, "customer": "Ada"}, by=user.id)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    step = Step(name="fetch", place=1, attempt=1, started_at=at, finished_at=at, result=[1, 2])
    with writing(services.engine) as connection:
        step_rows.insert(connection, job.id, step)
    found = archive(client, services.jobs.get(job.id))
    [question] = json.loads(found.read("questions.json"))
    assert (question["text"], question["state"], question["answer"]) == (
        QUESTION,
        "answered",
        {"keep": True, "customer": "Ada"},
    )
    [step] = json.loads(found.read("steps.json"))
    assert (step["name"], step["result"]) == ("fetch", [1, 2])


def test_files_over_the_limit_are_listed_and_not_sent(
    client: FlaskClient, put: Put, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job.debug_bundle.FILES_LIMIT", 10)
    job = put(Status.COMPLETED)
    attach(job, "huge.bin", b"x" * 11)
    found = archive(client, job)
    assert "files/output/huge.bin" not in found.namelist()
    assert "huge.bin, 11 bytes" in found.read("left-out.txt").decode()


def test_the_bundle_is_streamed(client: FlaskClient, put: Put, attach: Attach) -> None:
    job = put(Status.COMPLETED)
    attach(job, "large.bin", bytes(range(256)) * 20_000)
    with client.get(f"/jobs/{job.id}/bundle.zip", buffered=False) as answer:
        assert max(map(len, answer.response)) < 200_000


def test_the_log_can_be_downloaded_as_text(client: FlaskClient, put: Put, write_log: Callable[..., None]) -> None:
    job = put(Status.RUNNING)
    write_log(job, "plain words")
    write_log(job, "an error", level="ERROR")
    answer = client.get(f"/jobs/{job.id}/log.txt")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert [line.split(maxsplit=3)[2:] for line in answer.text.splitlines()] == [
        ["info", "plain words"],
        ["error", "an error"],
    ]
    assert "plain words" not in client.get(f"/jobs/{job.id}/log.txt?level=error").text


def test_a_long_parameter_is_shortened_and_has_its_own_page(client: FlaskClient, put: Put) -> None:
    job = put(type="letter", payload={"note": "n" * 200_000})
    page = client.get(f"/jobs/{job.id}").text
    assert len(page) < 20_000
    assert f"/jobs/{job.id}/parameters/note" in page
    whole = client.get(f"/jobs/{job.id}/parameters/note")
    assert (whole.mimetype, whole.text) == ("text/plain", "n" * 200_000)
    assert client.get(f"/jobs/{job.id}/parameters/none").status_code == 404


@pytest.mark.parametrize("end", ENDS)
def test_other_users_get_no_bundle(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put, end: str
) -> None:
    bob = client_of(person("bob"))
    for job in (put(type="letter", payload={"note": "x"}), put(type="letter", owner=Owner(public=True))):
        assert bob.get(f"/jobs/{job.id}/{end}").status_code == 404


def test_tracebacks_and_hosts_are_for_operators_only(
    client: FlaskClient, admins: FlaskClient, services: Services, run_jobs: Callable[..., int], user: User
) -> None:
    job = services.jobs.create_user_job("letter", {}, user.id)
    run_jobs()
    own, theirs = (json.loads(archive(who, job).read("attempts.json"))[0] for who in (client, admins))
    assert "pid" not in own
    assert theirs["pid"] > 0
