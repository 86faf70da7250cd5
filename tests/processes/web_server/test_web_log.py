import json
import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import time_machine
from gunicorn.config import Config
from gunicorn.glogging import Logger

from webapp.processes.web_server.web_log import web_log
from webapp.telemetry.log_format import JsonFormat, LogMask, TextFormat
from webapp.views.security.request_id import FIELDS

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/jobs?token=s3cr3t",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.7",
    "HTTP_REFERER": "https://example.org/?api_key=s3cr3t",
    "HTTP_USER_AGENT": "curl known secret",
    FIELDS: {"request_id": "0123456789", "user": "ann", "job_id": "7"},
}


def written(formatter: JsonFormat | TextFormat) -> str:
    for name in ("gunicorn.access", "gunicorn.error"):
        logging.getLogger(name).handlers.clear()
    options = web_log(formatter)
    config = Config()
    config.set("accesslog", "-")
    config.set("access_log_format", options["access_log_format"])
    log = options["logger_class"](config)
    stream = StringIO()
    (handler,) = log.access_log.handlers
    handler.setStream(stream)
    response: Any = SimpleNamespace(status="404 NOT FOUND", sent=12, headers=[("X-Request-ID", "0123456789")])
    log.access(response, SimpleNamespace(headers=[]), ENVIRON, timedelta(seconds=0.25))
    return stream.getvalue()


def test_a_request_is_a_line_of_json_that_names_the_user_and_the_job_that_it_made() -> None:
    (line,) = written(JsonFormat(LogMask())).splitlines()
    found = json.loads(line)
    assert (found["method"], found["status"], found["seconds"], found["bytes"]) == ("GET", 404, 0.25, 12)
    assert (found["request_id"], found["user"], found["job_id"]) == ("0123456789", "ann", "7")
    assert "s3cr3t" not in line


def test_the_line_for_people_ends_with_the_id_of_the_request() -> None:
    assert written(TextFormat(LogMask())).endswith(" 0123456789\n")


def test_the_line_for_people_has_no_secrets() -> None:
    line = written(TextFormat(LogMask(["known secret"])))
    assert '"GET /jobs?token=*** HTTP/1.1" 404' in line
    assert '"https://example.org/?api_key=***" "curl ***"' in line


def test_the_line_for_people_says_what_that_of_gunicorn_says() -> None:
    options = web_log(TextFormat(LogMask()))
    log = options["logger_class"](Config())
    response: Any = SimpleNamespace(
        status="200 OK", sent=None, headers=[("x-request-id", "7"), ("Content-Length", "3")]
    )
    request = SimpleNamespace(headers=[("ACCEPT", "*/*")])
    took = timedelta(seconds=0.25)
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        own, whole = log.atoms(response, request, ENVIRON, took), Logger.atoms(log, response, request, ENVIRON, took)
    assert own.items() <= whole.items()
    assert all(f"%({name})s" in options["access_log_format"] or name.startswith("{") for name in own)
