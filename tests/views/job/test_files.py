import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update
from uuid_utils.compat import uuid7

from webapp.accounts.audit_query import AuditCriteria
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import StorageUnavailable
from webapp.schema import attachments, now
from webapp.services import Services

CONTENT = bytes(range(256)) * 1000
Put = Callable[..., Job]
Attach = Callable[..., Attachment]


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def file(put: Put, attach: Attach) -> Attachment:
    return attach(put(Status.COMPLETED), "report.pdf", CONTENT)


def address(file: Attachment) -> str:
    return f"/jobs/{file.job_id}/files/{file.id}"


def test_a_file_is_sent_with_headers_that_prevent_execution(client: FlaskClient, file: Attachment) -> None:
    answer = client.get(address(file))
    assert answer.data == CONTENT
    assert answer.content_length == len(CONTENT)
    assert answer.headers["Content-Disposition"] == "attachment; filename=report.pdf"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_type == "application/pdf"


def test_a_file_name_in_any_script_is_kept(client: FlaskClient, put: Put, attach: Attach) -> None:
    answer = client.get(address(attach(put(), "Übersicht „März“ 2026.pdf")))
    assert (
        "filename*=UTF-8''%C3%9Cbersicht%20%E2%80%9EM%C3%A4rz%E2%80%9C%202026.pdf"
        in answer.headers["Content-Disposition"]
    )


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "script.js", "feed.xml", "unknown"])
def test_active_content_is_sent_as_bytes(client: FlaskClient, put: Put, attach: Attach, name: str) -> None:
    answer = client.get(address(attach(put(), name)))
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_a_head_request_returns_the_headers(client: FlaskClient, file: Attachment) -> None:
    answer = client.head(address(file))
    assert answer.status_code == 200
    assert answer.content_length == len(CONTENT)
    assert answer.data == b""


@pytest.mark.parametrize(
    ("range_header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100000-230000", 100_000, 230_001),
        ("bytes=255000-", 255_000, 256_000),
        ("bytes=-5", 255_995, 256_000),
        ("bytes=255990-999999", 255_990, 256_000),
    ],
)
def test_a_range_can_be_requested(
    client: FlaskClient, file: Attachment, range_header: str, start: int, stop: int
) -> None:
    answer = client.get(address(file), headers={"Range": range_header})
    assert answer.status_code == 206
    assert answer.data == CONTENT[start:stop]
    assert answer.content_length == stop - start
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/256000"


@pytest.mark.parametrize("range_header", ["bytes=256000-", "bytes=999999-1000000"])
def test_a_range_beyond_the_end_is_refused(client: FlaskClient, file: Attachment, range_header: str) -> None:
    answer = client.get(address(file), headers={"Range": range_header})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */256000"


@pytest.mark.parametrize("range_header", ["bytes=0-1,5-6", "lines=1-2", "nonsense", "bytes=9-2"])
def test_any_other_range_header_gets_the_whole_file(client: FlaskClient, file: Attachment, range_header: str) -> None:
    answer = client.get(address(file), headers={"Range": range_header})
    assert (answer.status_code, len(answer.data)) == (200, len(CONTENT))


def test_a_download_resumes_only_if_the_file_is_unchanged(client: FlaskClient, file: Attachment) -> None:
    same = client.get(address(file), headers={"Range": "bytes=5-", "If-Range": f'"{file.sha256}"'})
    other = client.get(address(file), headers={"Range": "bytes=5-", "If-Range": '"other"'})
    dated = client.get(address(file), headers={"Range": "bytes=5-", "If-Range": "Sat, 21 Nov 2026 12:00:00 GMT"})
    assert [same.status_code, other.status_code, dated.status_code] == [206, 200, 200]


def test_an_empty_file_can_be_downloaded(client: FlaskClient, put: Put, attach: Attach) -> None:
    answer = client.get(address(attach(put(), "empty.csv", b"")))
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("when", ["expires_at", "deleted_at"])
def test_a_deleted_file_is_gone(client: FlaskClient, put: Put, attach: Attach, long_ago: datetime, when: str) -> None:
    answer = client.get(address(attach(put(), "old.pdf", **{when: long_ago})))
    assert answer.status_code == 410
    assert "Files are kept for a limited time only." in answer.text


def test_a_file_missing_on_disk_is_gone(client: FlaskClient, file: Attachment, services: Services) -> None:
    services.files.remove(file.id)
    assert client.get(address(file)).status_code == 410


def test_files_of_other_users_are_not_found(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], file: Attachment
) -> None:
    assert client_of(person("bob")).get(address(file)).status_code == 404


def test_a_file_is_found_only_under_its_own_job(client: FlaskClient, put: Put, file: Attachment) -> None:
    assert client.get(f"/jobs/{put().id}/files/{file.id}").status_code == 404
    assert client.get(f"/jobs/{file.job_id}/files/{uuid4()}").status_code == 404


def test_files_of_a_public_job_are_hidden_from_other_users(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], admin: User, put: Put, attach: Attach
) -> None:
    file = attach(put(owner=Owner(public=True)), "backup.zip")
    assert client.get(address(file)).status_code == 404
    assert client_of(admin).get(address(file)).status_code == 200


def test_users_who_cannot_start_a_type_cannot_download_its_files(services, person, client_of, put, attach) -> None:
    boss, auditor = person("boss", role="admin"), person("ivy", role="auditor")
    job = put(type="user_import", owner=Owner(user_id=boss.id))
    file = attach(job, "passwords.csv", b"ana,secret")
    assert client_of(auditor).get(f"/jobs/{job.id}").status_code == 200
    assert client_of(auditor).get(f"/jobs/{job.id}/files/{file.id}").status_code == 404
    assert b"passwords.csv" not in client_of(auditor).get(f"/jobs/{job.id}").data
    assert client_of(boss).get(f"/jobs/{job.id}/files/{file.id}").status_code == 200


def test_the_export_of_an_admin_is_closed_to_operators(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put, attach: Attach
) -> None:
    admin, operator = person("root", role="admin"), person("olga", role="operator")
    for owner in (admin, operator):
        job = put(Status.COMPLETED, owner=Owner(user_id=owner.id), type="job_history_export")
        file = attach(job, "job-history.csv", CONTENT)
        for reader in (admin, operator):
            opens = reader is admin or owner is operator
            assert client_of(reader).get(address(file)).status_code == (200 if opens else 404)
            assert ("job-history.csv" in client_of(reader).get(f"/jobs/{job.id}").text) is opens


@pytest.fixture
def many_files(services: Services, put: Put) -> Job:
    """A running job with one input file and 2,967 output files, of which only the rows exist."""
    job = put(Status.RUNNING)
    row = {"job_id": job.id, "attempt": 1, "media_type": "text/csv", "size": 7, "sha256": "a" * 64}
    names = ["given.csv", *(f"part {number:04}.csv" for number in range(2967))]
    rows = [{"id": uuid7(), "name": name, "role": "output" if number else "input"} for number, name in enumerate(names)]
    with writing(services.engine) as connection:
        connection.execute(insert(attachments).values(**row, created_at=now()), rows)
    return job


def test_a_poll_has_the_first_files_and_a_link_to_all(client: FlaskClient, many_files: Job) -> None:
    poll = client.get(f"/jobs/{many_files.id}/_live").text
    assert len(poll) < 100_000
    assert ("given.csv" in poll, "part 0000.csv" in poll, "part 0048.csv" in poll) == (True, True, True)
    assert "part 0049.csv" not in poll
    assert f'href="/jobs/{many_files.id}/files"' in poll
    assert "2,968" in poll


def test_all_files_are_listed_page_by_page(client: FlaskClient, many_files: Job) -> None:
    address, seen = f"/jobs/{many_files.id}/files", list[str]()
    while address:
        page = client.get(address).text
        seen += re.findall(r">(given.csv|part \d+.csv)</a>", page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        address = more[1] if more else ""
    assert seen == ["given.csv", *(f"part {number:04}.csv" for number in range(2967))]


def test_a_list_of_few_files_has_no_second_page(client: FlaskClient, put: Put, attach: Attach) -> None:
    file = attach(put(Status.COMPLETED), "only.csv")
    page = client.get(f"/jobs/{file.job_id}/files").text
    assert "only.csv" in page
    assert 'class="pager"' not in page
    assert "All files" not in client.get(f"/jobs/{file.job_id}").text


def test_a_file_of_an_older_version_is_sent_with_a_safe_name(
    client: FlaskClient, put: Put, attach: Attach, services: Services
) -> None:
    file = attach(put(Status.COMPLETED), "a.csv")
    for stored, sent in (('=a"<b>.csv', "_=a__b_.csv"), ("CON.csv", "_CON.csv"), ("-rf\u202ea", "_-rfa")):
        with writing(services.engine) as connection:
            connection.execute(update(attachments).values(name=stored))
        given = client.get(address(file)).headers["Content-Disposition"]
        assert given in {f"attachment; filename={sent}", f'attachment; filename="{sent}"'}


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=10-19"}])
def test_nginx_gets_the_path_of_the_file_and_sends_it(
    app: Flask, services: Services, client: FlaskClient, file: Attachment, headers: dict[str, str]
) -> None:
    app.extensions["deskjob"].settings = services.settings.model_copy(update={"accel_redirect": "/stored-files"})
    answer = client.get(address(file), headers=headers)
    path = answer.headers["X-Accel-Redirect"].removeprefix("/stored-files/")
    assert (services.files.folder / path).read_bytes() == CONTENT
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Disposition"] == "attachment; filename=report.pdf"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    services.files.remove(file.id)
    assert client.get(address(file)).status_code == 410


def test_nginx_gets_no_path_for_a_user_who_cannot_see_the_job(
    app: Flask,
    services: Services,
    client_of: Callable[[User], FlaskClient],
    person: Callable[..., User],
    file: Attachment,
) -> None:
    app.extensions["deskjob"].settings = services.settings.model_copy(update={"accel_redirect": "/stored-files"})
    answer = client_of(person("bob")).get(address(file))
    assert (answer.status_code, "X-Accel-Redirect" in answer.headers) == (404, False)


OWN = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@pytest.mark.parametrize(
    ("name", "policy"),
    [("sales-report.html", f"sandbox; {OWN}"), ("picture.svg", f"sandbox; {OWN}"), ("a.pdf", OWN)],
)
def test_what_a_job_wrote_is_opened_under_a_policy_of_its_own(
    client: FlaskClient, put: Put, attach: Attach, name: str, policy: str
) -> None:
    page = attach(put(Status.COMPLETED), name, b"<h1>Sales</h1>")
    answer = client.get(f"{address(page)}?view=1")
    assert answer.mimetype == page.media_type
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert answer.headers["Content-Security-Policy"] == policy
    assert "Open in browser" in client.get(f"/jobs/{page.job_id}").text


def test_a_download_is_audited_and_what_the_page_of_the_job_shows_is_not(
    client: FlaskClient, put: Put, attach: Attach, services: Services
) -> None:
    page = attach(put(Status.COMPLETED), "sales-report.html", b"<h1>Sales</h1>")

    table = attach(services.jobs.get(page.job_id), "table.csv", b"a\n1\n")

    def downloads(file: Attachment) -> int:
        return len(services.audit_trail.page(AuditCriteria(object_id=str(file.id))))

    client.get(f"{address(page)}?view=page")
    assert downloads(page) == 0
    client.get(f"{address(page)}?view=1")
    client.get(f"{address(table)}?view=page")  # a table is not shown from its own address
    assert (downloads(page), downloads(table)) == (1, 1)


@pytest.mark.parametrize(("name", "role"), [("page.html", "input"), ("picture.svg", "input"), ("a.zip", "output")])
def test_uploads_and_other_files_are_never_opened(
    client: FlaskClient, put: Put, attach: Attach, name: str, role: str
) -> None:
    file = attach(put(Status.COMPLETED), name, b"<h1>Sales</h1>", role=role)
    answer = client.get(f"{address(file)}?view=1")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Open in browser" not in client.get(f"/jobs/{file.job_id}").text


@pytest.mark.storages
def test_a_file_is_sent_whole_and_in_ranges_wherever_it_is(storage: str, client: FlaskClient, file: Attachment) -> None:
    whole = client.get(address(file))
    assert (whole.status_code, whole.data, whole.content_length) == (200, CONTENT, len(CONTENT))
    end = client.get(address(file), headers={"Range": "bytes=-10"})
    assert (end.status_code, end.data, end.content_length) == (206, CONTENT[-10:], 10)
    assert client.get(address(file), headers={"Range": f"bytes={len(CONTENT)}-"}).status_code == 416


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_storage_that_is_away_is_said_in_a_page_and_nothing_is_lost(
    services: Services, client: FlaskClient, file: Attachment, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    def is_away(_file_id: UUID) -> None:
        raise StorageUnavailable("The file storage does not answer. No file is lost; try again later.")

    with monkeypatch.context() as patch:
        patch.setattr(services.files, "open", is_away)
        answer = client.get(address(file), headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert ("No file is lost" if language == "en" else "Keine Datei ist verloren") in answer.text
    assert client.get(address(file)).data == CONTENT
