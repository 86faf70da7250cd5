"""What a command says when the installation does not answer as it should."""

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.remote import connection
from webapp.cli.remote.connection import Connection, RemoteConflict, RemoteNotFound, RemoteRefusal, UploadPart
from webapp.version import version

Answer = tuple[int, dict[str, str], bytes]
PROBLEM = {"Content-Type": "application/problem+json"}
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next answer of a script; the last one is repeated."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer] = []
        self.paths: list[str] = []
        self.document: dict[str, Any] = {}
        self.silent = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def handle_one(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/openapi.json"):
            status, headers, body = 200, JSON, json.dumps(self.server.document).encode()
        else:
            self.server.paths.append(self.path)
            status, headers, body = self.server.script[0]
            if len(self.server.script) > 1:
                self.server.script.pop(0)
        if status == 0:  # no answer
            self.server.silent.wait(20)
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = handle_one  # noqa: N815  (their names)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield scripted
        scripted.silent.set()
        scripted.shutdown()
        thread.join()


def problem(status: int, **members: Any) -> Answer:
    return status, PROBLEM, json.dumps({"status": status, **members}).encode()


Ask = Callable[..., Any]


@pytest.fixture
def ask(server: Scripted) -> Ask:
    def send(*script: Answer, method: str = "GET", path: str = "/jobs") -> Any:
        server.script = list(script)
        return Connection(server.address, "dj_x").send(method, path)

    return send


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((302, {"Location": "https://new.example.org/api/v1/jobs"}, b""), "redirects to https://new.example.org. "),
        ((502, HTML, b"<html>Bad gateway</html>"), "answered 502 with text/html instead of JSON"),
        ((200, HTML, b"<html>Sign in</html>"), "answered 200 with text/html instead of JSON"),
        ((200, JSON, b"[1,"), "answered 200 with application/json instead of JSON"),
        (problem(401, detail="This API token is unknown, expired or revoked."), "expired or revoked"),
        (problem(500, detail="It is in the log under the number 1."), "under the number 1"),
        ((200, {**JSON, "Content-Length": "100"}, b"{"), "cut off its answer"),
    ],
    ids=["redirect", "proxy", "portal", "broken", "token", "error", "cut"],
)
def test_an_unusable_answer_is_one_sentence(ask: Ask, answer: Answer, sentence: str) -> None:
    with pytest.raises(Failed) as failed:
        ask(answer)
    assert sentence in failed.value.message
    assert "\n" not in failed.value.message


def test_problems_are_the_errors_of_commands(ask: Ask) -> None:
    with pytest.raises(RemoteConflict, match="It runs"):
        ask(problem(409, detail="It runs."))
    with pytest.raises(RemoteNotFound):
        ask(problem(404, detail="It does not exist."), path="/jobs")
    with pytest.raises(RemoteRefusal) as refused:
        ask(problem(422, detail="No.", errors=[{"pointer": "#/payload/a/b", "detail": "Required."}]))
    assert refused.value.below("#/payload") == {"a.b": "Required."}
    assert (refused.value.below("#/other"), refused.value.message) == (None, "No. #/payload/a/b: Required.")


def test_an_older_installation_is_named(ask: Ask, server: Scripted) -> None:
    server.document = {"info": {"version": "1.0"}, "paths": {"/jobs/{job_id}": {"get": {}}, "/jobs": {"get": {}}}}
    with pytest.raises(
        Failed, match=rf"runs Deskjob 1\.0, which does not offer this\. This is {re.escape(version())}\."
    ):
        ask(problem(404), path="/tokens")
    with pytest.raises(Failed, match="does not offer this"):
        ask(problem(405), path="/jobs", method="POST")
    with pytest.raises(RemoteNotFound):
        ask(problem(404), path="/jobs/1?a=b")
    with pytest.raises(RemoteRefusal, match=r"runs Deskjob 1\.0; this is"):
        ask(problem(422, detail="No.", errors=[{"parameter": "x", "detail": "Unknown parameter."}]))


def test_a_request_to_a_busy_installation_is_repeated(
    ask: Ask, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(connection.time, "sleep", waits.append)
    busy = (429, {**PROBLEM, "Retry-After": "7"}, b'{"detail": "Wait."}')
    assert ask(busy, busy, (200, JSON, b"[1]")) == [1]
    assert (waits, len(server.paths)) == ([7.0, 7.0], 3)
    with pytest.raises(Failed, match="Wait"):
        ask(busy)
    assert sum(waits) <= 14 + connection._LONGEST_WAIT


def test_files_are_sent_again_from_their_beginning(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connection.time, "sleep", lambda _: None)
    (tmp_path / "a").write_bytes(b"x" * 100)
    busy = (503, {**PROBLEM, "Retry-After": "1"}, b"{}")
    server.script = [busy, (200, JSON, b"[1]")]
    with (tmp_path / "a").open("rb") as content:
        part = UploadPart('fi"eld', "na\r\nme.csv", content)
        assert Connection(server.address, "dj_x").upload("/jobs", {"type": "x"}, [part]) == [1]
    assert len(server.paths) == 2


def test_waiting_for_a_silent_installation_ends(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SECONDS", 0.2)
    with pytest.raises(Failed, match=r"did not answer within 0\.2 s\.$"):
        ask((0, {}, b""))
    with pytest.raises(Failed, match="may have carried out the command"):
        ask((0, {}, b""), method="POST")


def test_an_interrupted_command_says_what_is_unknown(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.OpenerDirector.open", interrupt)
    with pytest.raises(Failed, match="Interrupted"):
        ask((200, JSON, b"[]"), method="POST")
    with pytest.raises(KeyboardInterrupt):
        ask((200, JSON, b"[]"))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1:9", "cannot be reached: Connection refused."),
        ("http://nowhere.invalid", "cannot be reached: "),
    ],
)
def test_an_unreachable_installation_is_one_sentence(address: str, sentence: str) -> None:
    with pytest.raises(Failed, match=sentence):
        Connection(address, "dj_x").get("/jobs")


@pytest.mark.parametrize("address", ["ftp://x", "jobs.example.org", "http://", "http://x:y", ""])
def test_an_invalid_address_is_bad_usage(address: str) -> None:
    with pytest.raises(BadUsage, match="write an address such as"):
        Connection(address, "dj_x")
    with pytest.raises(BadUsage, match="characters that no token has"):
        Connection("http://x", "dj_x\nX: y")


def test_a_certificate_that_cannot_be_verified_is_one_sentence(server: Scripted, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be reached by TLS"):
        Connection(server.address.replace("http:", "https:"), "dj_x").get("/jobs")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1 -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with pytest.raises(Failed, match=r"The certificate of https://127.* cannot be verified: .*SSL_CERT_FILE"):
        Connection(server.address.replace("http:", "https:"), "dj_x").get("/jobs")
