"""Actions on pages are recorded in the audit log with user and address."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import audit
from webapp.services import Services


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
