"""Downloads from a bucket that answers to HEAD and then fails: a real S3 server behind a proxy that loses requests."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from benchmarks.s3_server import SECRET_KEY, S3Server
from tests.installation import PATIENCE_SECONDS
from tests.stored_files import BUCKET, stored_path
from webapp.accounts.audit_query import AuditCriteria
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.services import Services
from webapp.views.page.user_shares import stored_files

pytestmark = [pytest.mark.storages, pytest.mark.usefixtures("storage"), pytest.mark.parametrize("storage", ["s3"])]
CONTENT = b"0123456789" * 300_000  # more than one piece


class Proxy:
    """Passes every connection on to a server. A request with GET is lost, and its connection closed if told so."""

    def __init__(self, target: str) -> None:
        self._target = target.removeprefix("http://").split(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.loses = self.closes = False
        self._open = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._target[0], int(self._target[1])), PATIENCE_SECONDS)
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.loses and data.startswith(b"GET "):
                    if self.closes:
                        break
                    continue
                target.sendall(data)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    proxy = Proxy(s3_server.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def s3_place(s3_server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("webapp.jobs.files.s3_client._READ_SECONDS", 0.3)
    place = s3_server.settings(BUCKET, "behind-a-proxy")
    return {**place, "storage_endpoint": proxy.endpoint, "storage_secret_key": SecretStr(SECRET_KEY)}


@pytest.fixture
def file(services: Services, put: Callable[..., Job], attach: Callable[..., Attachment]) -> Attachment:
    assert isinstance(services.files, S3Files)
    services.files._client.retry_seconds = 0
    return attach(put(Status.COMPLETED), "report.pdf", CONTENT)


def address(file: Attachment) -> str:
    return f"/jobs/{file.job_id}/files/{file.id}"


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_bucket_that_fails_before_the_first_byte_is_an_error_page_and_no_download(
    client: FlaskClient, services: Services, file: Attachment, proxy: Proxy, *, closes: bool, language: str
) -> None:
    proxy.loses, proxy.closes = True, closes
    answer = client.get(address(file), headers={"Accept-Language": language})
    assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "text/html", "10")
    assert ("No file is lost" if language == "en" else "Keine Datei ist verloren") in answer.text
    assert services.audit_trail.page(AuditCriteria(object_id=str(file.id))) == ()
    assert stored_files._counts == Counter()
    proxy.loses = False
    assert client.get(address(file)).data == CONTENT


def test_the_api_answers_with_a_problem_document(
    app: Flask, services: Services, user: User, file: Attachment, proxy: Proxy
) -> None:
    _, text = services.tokens.add(user, "ci", [Scope.READ])
    proxy.loses = True
    answer = app.test_client().get(f"/api/v1{address(file)}", headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "No file is lost; try again later." in answer.json["detail"]
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=5-"}, {"Range": "bytes=-1"}])
def test_the_first_bytes_are_sent_once(client: FlaskClient, file: Attachment, asked: dict[str, str]) -> None:
    start = {"bytes=5-": 5, "bytes=-1": len(CONTENT) - 1}.get(asked.get("Range", ""), 0)
    assert client.get(address(file), headers=asked).data == CONTENT[start:]


def test_the_headers_of_a_file_need_none_of_its_bytes(client: FlaskClient, file: Attachment, proxy: Proxy) -> None:
    proxy.loses = True
    answer = client.head(address(file))
    assert (answer.status_code, answer.content_length) == (200, len(CONTENT))


def test_a_file_that_is_deleted_before_its_first_byte_is_gone(
    client: FlaskClient, services: Services, file: Attachment, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = services.files.open

    def open_and_delete(file_id: Any) -> Any:
        found = opened(file_id)
        stored_path(services.files, file_id).unlink()
        return found

    monkeypatch.setattr(services.files, "open", open_and_delete)
    assert client.get(address(file)).status_code == 410
