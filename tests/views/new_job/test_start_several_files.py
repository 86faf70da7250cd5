"""A field that takes several files: in the form, in the job, and when the job runs again."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from tests.stored_files import stored_path
from tests.views.forms.form_filling import sent
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job
from webapp.services import Services

LIMIT = 100_000


class Scans(BaseModel):
    title: str = Field(min_length=3)
    scans: list[Upload] = Field(
        max_length=3, json_schema_extra={"accept": ".txt", "max_bytes": 50_000, "max_total_bytes": 60_000}
    )
    notes: list[Upload] = []


@job_type("read_scans", title="Read scans", group="Samples")
def read_scans(job: Any, payload: Scans) -> None:
    """Read scans."""


class Letter(BaseModel):
    text: Upload
    key: SecretStr | None = None


class Mailing(BaseModel):
    letter: Letter
    enclosure: Letter | None = None


@job_type("mailing", title="Mailing", group="Samples")
def mailing(job: Any, payload: Mailing) -> None:
    """Send letters."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_upload_bytes": LIMIT})


@pytest.fixture
def client(services: Services, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    services.registry.add(read_scans)
    services.registry.add(mailing)
    return client_of(user)


def post(client: FlaskClient, *parts: tuple[str, Any], address: str = "/jobs/new/read_scans") -> Any:
    return client.post(address, data=MultiDict(parts), content_type="multipart/form-data")


def scan(name: str, content: bytes = b"text", field: str = "scans") -> tuple[str, Any]:
    return field, (BytesIO(content), name)


def started(answer: Any, services: Services) -> Job:
    assert answer.status_code == 303, answer.text
    return services.jobs.get(UUID(answer.location.rpartition("/")[2]))


def content(services: Services, job: Job) -> list[tuple[str, bytes]]:
    return [
        (file.name, stored_path(services.files, file.id).read_bytes()) for file in services.jobs.attachments(job.id)
    ]


def names(job: Job, field: str = "scans") -> list[str]:
    return [upload["name"] for upload in job.payload[field]]


def form_of(page: str) -> MultiDict[str, str]:
    return sent(re.sub(r"(?s).*(<form class=\"card.*?</form>).*", r"\1", page))


def test_the_form_takes_several_files_and_tells_the_limits(client: FlaskClient) -> None:
    page = client.get("/jobs/new/read_scans").text
    [field] = re.findall(r'<input [^>]*name="scans"[^>]*>', page)
    assert all(attribute in field for attribute in ('type="file"', "multiple", 'accept=".txt"', "required"))
    assert "Accepts .txt. At most 3 files of 50 kB each, together 60 kB." in page
    assert "At most 20 files of 100 kB each, together 100 kB." in page


def test_each_file_is_stored_and_described_in_its_order(client: FlaskClient, services: Services) -> None:
    answer = post(client, ("title", "May"), scan("b.txt", b"one"), scan("a.txt", b"two"), scan("b.txt", b"three"))
    job = started(answer, services)
    assert content(services, job) == [("b.txt", b"one"), ("a.txt", b"two"), ("b.txt", b"three")]
    assert names(job) == ["b.txt", "a.txt", "b.txt"]
    assert job.payload["notes"] == []
    page = client.get(f"/jobs/{job.id}").text
    assert "b.txt, a.txt, b.txt" in page
    assert page.count("/files/") == 3


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([], "Choose one or more files."),
        ([scan("a.pdf")], "a.pdf is not an accepted file type. Choose a file of type .txt."),
        ([scan("a.txt"), scan("b.txt", b"")], "b.txt is empty. Choose another file."),
        ([scan("a.txt", b"x" * 50_001)], "a.txt is larger than the limit of 50 kB. Choose a smaller file."),
        ([scan(f"{n}.txt") for n in range(4)], "Too many files: 4. Choose at most 3."),
        (
            [scan("a.txt", b"x" * 30_001), scan("b.txt", b"x" * 30_000)],
            "The files are larger than the limit of 60 kB in total. Choose fewer.",
        ),
    ],
)
def test_files_that_the_field_does_not_take_are_refused_at_the_field(
    client: FlaskClient, services: Services, parts: list[Any], sentence: str
) -> None:
    copies = [(field, (BytesIO(file.getvalue()), name)) for field, (file, name) in parts]
    answer = post(client, ("title", "May"), *copies)
    assert answer.status_code == 422
    assert f'<p class="error" id="field-scans-error">{sentence}</p>' in answer.text
    assert services.queries.all_jobs.newest(1) == ()


def test_a_refused_form_keeps_its_files_and_takes_more(client: FlaskClient, services: Services) -> None:
    refused = post(client, ("title", "x"), scan("a.txt", b"one"), scan("b.txt", b"two"))
    assert refused.status_code == 422
    fields = form_of(refused.text)
    tokens = fields.getlist("scans.kept")
    assert len(tokens) == 2
    assert "a.txt (3 bytes)" in refused.text
    job = started(post(client, ("title", "May"), ("scans.kept", tokens[1]), scan("c.txt", b"three")), services)
    assert sorted(content(services, job)) == [("b.txt", b"two"), ("c.txt", b"three")]
    assert names(job) == ["b.txt", "c.txt"]


def test_files_of_several_tries_count_together(client: FlaskClient, services: Services) -> None:
    first = post(client, ("title", "x"), scan("a.txt"), scan("a.txt", b"x" * 60_000, "notes"))
    kept = [(name, token) for name, token in form_of(first.text).items(multi=True) if name.endswith(".kept")]
    second = post(client, ("title", "May"), *kept, scan("b.txt", b"x" * 60_000, "notes"))
    assert second.status_code == 422
    assert "The files are larger than the limit of 100 kB in total. Choose fewer." in second.text
    assert services.queries.all_jobs.newest(1) == ()


def test_too_many_and_too_large_bodies_are_refused_with_a_sentence(client: FlaskClient) -> None:
    many = post(client, ("title", "May"), *[scan(f"{n}.txt", field="notes") for n in range(24)])
    assert many.status_code == 413
    assert "The form has more files than it can take. Go back and choose fewer." in many.text
    files = [("notes", FileStorage(BytesIO(b"x" * 60_000), f"{n}.txt")) for n in range(20)]
    boundary, body = encode_multipart(MultiDict(files))
    kind = f"multipart/form-data; boundary={boundary}"
    large = client.post("/jobs/new/read_scans", data=body, content_type=kind)
    assert large.status_code == 413
    assert "The files are larger than the limit of 160 kB in total." in large.text


def test_a_job_runs_again_with_its_files_or_with_some_of_them(client: FlaskClient, services: Services) -> None:
    first = started(post(client, ("title", "May"), scan("a.txt", b"one"), scan("b.txt", b"two")), services)
    address = f"/jobs/{first.id}/run-again"
    fields = form_of(client.get(address).text)
    assert len(fields.getlist("scans.kept")) == 2
    same = started(post(client, *fields.items(multi=True), address=address), services)
    assert content(services, same) == content(services, first)
    fields.setlist("scans.kept", fields.getlist("scans.kept")[:1])
    less = started(post(client, *fields.items(multi=True), scan("c.txt", b"3"), address=address), services)
    assert (sorted(content(services, less)), names(less)) == ([("a.txt", b"one"), ("c.txt", b"3")], ["a.txt", "c.txt"])
    copy = services.jobs.run_again(first.id)
    assert (content(services, copy), names(copy)) == (content(services, first), ["a.txt", "b.txt"])


def test_a_file_of_a_nested_model_is_a_file_of_the_form(client: FlaskClient, services: Services) -> None:
    address = "/jobs/new/mailing"
    page = client.get(address).text
    assert 'name="letter.text"' in page
    refused = post(client, ("letter.key", "hush"), address=address)
    assert '<p class="error" id="field-letter.text-error">Choose a file.</p>' in refused.text
    one, two = scan("one.txt", b"1", "letter.text"), scan("two.txt", b"2", "enclosure.text")
    without = started(post(client, one, two, ("enclosure", ""), address=address), services)
    assert content(services, without) == [("one.txt", b"1")]
    assert without.payload["enclosure"] is None
    one, two = scan("one.txt", b"1", "letter.text"), scan("two.txt", b"2", "enclosure.text")
    both = started(post(client, one, two, ("enclosure", "true"), ("letter.key", "hush"), address=address), services)
    assert both.payload["enclosure"]["text"]["name"] == "two.txt"
    again = client.get(f"/jobs/{both.id}/run-again").text
    fields = form_of(again)
    assert {"letter.text.kept", "enclosure.text.kept"} <= fields.keys()
    assert (fields.getlist("enclosure"), "hush" in again) == (["", "true"], False)
    assert "secrets are not copied" in again
