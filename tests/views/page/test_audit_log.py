"""Actions on pages are recorded in the audit log with user and address."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.schema import audit
from webapp.services import Services
from webapp.views.page.user_shares import stored_files, streams


def lines(services: Services) -> list[Mapping[str, Any]]:
    with reading(services.engine) as connection:
        return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]


def sign_in(app: Flask, name: str, password: str) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.post("/login", data={"name": name, "password": password}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    return client


def test_signing_in_and_out_leaves_lines(app: Flask, services: Services, user: User, password: str) -> None:
    sign_in(app, "ana", password).post("/logout")
    came, went = lines(services)
    assert (came["action"], came["actor_id"], came["actor"], came["address"]) == (
        "sign_in",
        user.id,
        "ana",
        "192.0.2.7",
    )
    assert (went["action"], went["actor_id"], went["role"]) == ("sign_out", user.id, "user")


def test_a_refused_sign_in_names_the_account_but_no_actor(app: Flask, services: Services, user: User) -> None:
    sign_in(app, "ana", "not this one")
    (line,) = lines(services)
    assert (line["action"], line["actor_id"], line["actor"], line["object_id"]) == ("sign_in_refused", None, "", "ana")


def test_an_unknown_name_is_not_recorded(app: Flask, services: Services) -> None:
    sign_in(app, "my-secret-password", "typed-in-the-wrong-field")
    assert lines(services)[0]["object_id"] == ""


def test_a_download_leaves_one_line_however_many_parts_it_takes(
    services: Services,
    put: Callable[..., Job],
    attach: Callable[..., Any],
    client_of: Callable[[User], FlaskClient],
    user: User,
) -> None:
    job = put(Status.COMPLETED)
    file = attach(job, "report.pdf")
    client = client_of(user)
    for part in ("bytes=0-2", "bytes=3-"):
        assert client.get(f"/jobs/{job.id}/files/{file.id}", headers={"Range": part}).status_code == 206
    (line,) = lines(services)
    assert (line["action"], line["object_name"], line["after"]) == (
        "file_download",
        "report.pdf",
        {"job": str(job.id)},
    )


@pytest.fixture
def downloads(put: Callable[..., Job], attach: Callable[..., Attachment]) -> Mapping[str, str]:
    """Return the addresses of everything whose download is recorded."""
    file = attach(job := put(Status.COMPLETED), "report.pdf", b"x" * 100)
    return {
        "file": f"/jobs/{job.id}/files/{file.id}",
        "archive": f"/jobs/{job.id}/bundle.zip",
        "jobs": "/admin/jobs.csv",
        "audit log": "/admin/audit.csv",
    }


DOWNLOADS = ("file", "archive", "jobs", "audit log")


@pytest.mark.storages
@pytest.mark.parametrize("storage", ["s3"])
@pytest.mark.parametrize("name", DOWNLOADS)
@pytest.mark.usefixtures("storage")
def test_a_download_is_recorded_when_it_begins_and_not_when_it_is_refused(
    services: Services,
    client_of: Callable[[User], FlaskClient],
    admin: User,
    downloads: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    client = client_of(admin)
    with monkeypatch.context() as patch:
        for share in (streams, stored_files):
            patch.setattr(share, "limit", 0)
        assert client.get(downloads[name]).status_code == 503
    assert lines(services) == []
    assert client.head(downloads[name]).status_code == 200
    assert lines(services) == []
    assert client.get(downloads[name]).status_code == 200
    assert len(lines(services)) == 1


@pytest.mark.storages
@pytest.mark.parametrize("storage", ["s3"])
@pytest.mark.parametrize("name", DOWNLOADS)
@pytest.mark.usefixtures("storage")
def test_a_download_that_cannot_be_recorded_does_not_begin_and_takes_no_share(
    services: Services,
    client_of: Callable[[User], FlaskClient],
    admin: User,
    downloads: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def fail(_line: object) -> None:
        raise OperationalError("insert", {}, Exception("locked"))

    monkeypatch.setattr(services.audit, "record", fail)
    assert client_of(admin).get(downloads[name]).status_code == 503
    assert (streams._counts, stored_files._counts) == (Counter(), Counter())
