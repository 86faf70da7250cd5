import gzip
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from pydantic import BaseModel, SecretStr

from tests.jobs.conftest import HOLDER, run_once
from webapp.config import BadSettingError
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.services import Services
from webapp.telemetry import error_reports
from webapp.telemetry.log_format import LogMask

KEY = "key-of-the-installation"


class Login(BaseModel):
    password: SecretStr


@pytest.fixture
def receiver() -> Iterator[list[dict[str, Any]]]:
    """Receive reports as Sentry does, on this machine."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            lines = (gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body).split(b"\n")
            received.append(json.loads(lines[2]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    dsn = f"http://public@127.0.0.1:{server.server_port}/1"
    error_reports.switch_on(dsn, program="test", release="1", mask=LogMask([KEY]))
    yield received
    error_reports.switch_off()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lease(services: Services) -> UUID:
    return services.leases.open(HOLDER, "default")


def test_an_error_of_a_handler_is_reported_without_secrets(
    receiver: list[dict[str, Any]], services: Services, lease: UUID
) -> None:
    def fail(job: JobContext, payload: Login) -> None:
        raise ValueError(f"refused {payload.password.get_secret_value()} with {KEY}")

    services.registry.add(job_type("poor", title="Poor")(fail))
    error_reports.open_client()
    threads = {thread.name for thread in threading.enumerate()}
    job = services.jobs.create_job("poor", {"password": "correct horse battery"})
    run_once(services, "default", lease)
    started = {thread.name for thread in threading.enumerate()} - threads
    assert [name for name in started if "sentry" in name] == [], "its work-horse would end after the job"
    error_reports.flush()
    (event,) = receiver
    assert event["tags"] == {"job_id": str(job.id), "job_type": "poor", "attempt": "1"}
    (fingerprint,) = event["fingerprint"]
    assert len(fingerprint) == 16
    assert event["exception"]["values"][0]["type"] == "ValueError"
    text = json.dumps(event)
    assert "correct horse battery" not in text
    assert KEY not in text
    assert '"vars"' not in text


def test_an_error_of_a_page_is_reported_with_its_number_and_request(receiver: list[dict[str, Any]], app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def broken() -> str:
        raise ValueError("broken")

    app.view_functions["health.healthz"] = broken
    answer = app.test_client().get("/healthz?token=s3cr3t", headers={"Cookie": "deskjob=s3cr3t"})
    assert answer.status_code == 500
    error_reports.flush()
    (event,) = receiver
    assert event["tags"]["number"] in answer.text
    assert event["tags"]["request_id"] == answer.headers["X-Request-ID"]
    assert "s3cr3t" not in json.dumps(event)


def test_without_the_setting_nothing_is_sent() -> None:
    assert not error_reports.is_on()
    error_reports.report(ValueError("broken"))
    error_reports.flush()


def test_a_bad_dsn_and_a_missing_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettingError, match="must look like") as error:
        error_reports.switch_on("no dsn with s3cr3t", program="test", release="1", mask=LogMask())
    assert "s3cr3t" not in str(error.value)
    monkeypatch.setitem(sys.modules, "sentry_sdk.utils", None)
    with pytest.raises(BadSettingError, match=r"deskjob\[sentry\]"):
        error_reports.switch_on("http://a@127.0.0.1/1", program="test", release="1", mask=LogMask())
