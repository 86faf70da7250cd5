"""Clients that are slow, or send only half of a request, do not make pages slow. All on loopback."""

import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import monotonic
from typing import BinaryIO, Self, cast
from uuid import uuid4

import pytest
from sqlalchemy import insert

from tests.exhaustive import exhaustive
from tests.installation import PATIENCE_SECONDS, Installation, free_port, installed, wait_for
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import writing
from webapp.schema import attachments, now, users

MEGABYTE = 1024 * 1024
FILE_BYTES = 64 * MEGABYTE
DOWNLOADS = 50
RATE = MEGABYTE  # bytes per second of a slow download
STEP_SECONDS = 1 / 16
OTHER_FILES = 500  # that the test has open
REQUESTS = 15
MOST_TIMES_THE_USUAL = 3
ALWAYS_FAST_ENOUGH = 1.0  # seconds: on a loaded machine, pages take longer with and without slow clients
HALVES = {
    "half a head": b"GET /login HTTP/1.1\r\nHost: x\r\nX-A: b\r\n",
    "half a body": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\nname=",
    "a large body": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\nname=",
    "nothing": b"",
}


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        yield installation


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def web(installation: Installation, port: int) -> None:
    installation.start("web", "--port", str(port))
    wait_for(lambda: answers(port))


@pytest.fixture(scope="module")
def cookie(installation: Installation) -> str:
    """Sign a user in; return the cookie of the session."""
    row = {"id": uuid4(), "name": "ana", "role": "admin", "password_hash": "none", "created_at": now()}
    with writing(installation.services.engine) as connection:
        connection.execute(insert(users).values(**row))
    session = {"_user_id": installation.services.sessions.begin(row["id"])}
    app = create_app(load(data_dir=installation.folder, secret_key="k" * 32))
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(session)}"


@pytest.fixture(scope="module")
def file_path(installation: Installation) -> str:
    """Give a job a large file; return the path of its URL."""
    job_id = installation.job("quick")
    file = installation.services.files.receive(cast(BinaryIO, Zeros(FILE_BYTES)), "large.bin")
    described = {"name": file.name, "media_type": file.media_type, "size": file.size, "sha256": file.sha256}
    row = {"id": file.id, "job_id": job_id, "attempt": 1, "role": "output", **described, "created_at": now()}
    with writing(installation.services.engine) as connection:
        connection.execute(insert(attachments).values(**row))
    return f"/jobs/{job_id}/files/{file.id}"


class Zeros:
    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        self._left -= (step := min(size, self._left))
        return bytes(step)


def answers(port: int) -> bool:
    try:
        return seconds(port, "/healthz") > 0
    except OSError:
        return False


def seconds(port: int, path: str, cookie: str = "") -> float:
    """Return how long a page takes, in a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    began = monotonic()
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200
    return monotonic() - began


def page_seconds(port: int, cookie: str) -> float:
    return median([seconds(port, "/jobs", cookie) for _ in range(REQUESTS)])


def assert_pages_are_as_fast(port: int, cookie: str, usual: float, beside: str) -> None:
    now = page_seconds(port, cookie)
    allowed = max(MOST_TIMES_THE_USUAL * usual, ALWAYS_FAST_ENOUGH)
    assert now <= allowed, f"pages take {now:.3f} s beside {beside}, and usually {usual:.3f} s"


@contextmanager
def open_files(count: int) -> Iterator[int]:
    """Let this process open more files; yield how many connections it can have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(soft, min(count + OTHER_FILES, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield min(count, limit - OTHER_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(port: int, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    client.sendall(sent)
    return client


class SlowDownloads:
    """Reads files, each at the same slow rate, until the end of the block."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()
        self._clients = [self._begin(port, request) for _ in range(DOWNLOADS)]
        self._received = dict.fromkeys(self._clients, 0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    @property
    def least_received(self) -> int:
        return min(self._received.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _begin(self, port: int, request: bytes) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", port))
        client.sendall(request)
        client.settimeout(0)
        return client

    def _read(self) -> None:
        while not self._ended.wait(STEP_SECONDS):
            for client in self._clients:
                try:
                    self._received[client] += len(client.recv(int(RATE * STEP_SECONDS)))
                except BlockingIOError:
                    continue


@pytest.mark.exhaustive
@pytest.mark.parametrize("count", [200, exhaustive(2000)])
def test_pages_are_as_fast_beside_slow_clients(web: None, port: int, cookie: str, file_path: str, count: int) -> None:
    seconds(port, "/jobs", cookie)  # the first page compiles its templates
    usual = page_seconds(port, cookie)
    with open_files(count) as possible, ExitStack() as clients:
        for number in range(possible):
            kind = list(HALVES)[number % len(HALVES)]
            clients.enter_context(connect(port, HALVES[kind]))
        assert_pages_are_as_fast(port, cookie, usual, f"{possible} clients that send no whole request")
        with SlowDownloads(port, file_path, cookie) as downloads:
            wait_for(lambda: downloads.least_received)
            assert_pages_are_as_fast(port, cookie, usual, f"{DOWNLOADS} slow downloads")


@pytest.mark.parametrize("half", HALVES)
def test_more_half_sent_requests_than_threads_stop_nothing(web: None, port: int, half: str) -> None:
    with ExitStack() as clients:
        for _ in range(40):
            clients.enter_context(connect(port, HALVES[half]))
        assert seconds(port, "/login")


@pytest.mark.exhaustive
def test_a_slow_client_gets_the_whole_file_and_a_fast_one_does_not_wait_for_it(
    web: None, port: int, cookie: str, file_path: str
) -> None:
    with SlowDownloads(port, file_path, cookie) as downloads:
        wait_for(lambda: downloads.least_received)
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        for byte_range, size in ((None, FILE_BYTES), ("bytes=5-", FILE_BYTES - 5), ("bytes=10-19", 10)):
            connection.request(
                "GET", file_path, headers={"Cookie": cookie} | ({"Range": byte_range} if byte_range else {})
            )
            answer = connection.getresponse()
            assert len(answer.read()) == size
        connection.close()
        assert downloads.least_received < FILE_BYTES


@pytest.mark.exhaustive
@pytest.mark.parametrize("stops", [1, 2])
def test_a_download_that_a_stop_cuts_off_is_in_the_access_log(
    installation: Installation, cookie: str, file_path: str, stops: int
) -> None:
    web = installation.start("web", "--port", str(port := free_port()), "--processes", "1")
    wait_for(lambda: answers(port))
    with connect(port, f"GET {file_path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()) as client:
        wait_for(lambda: client.recv(1, socket.MSG_PEEK))
        logged = len(installation.output)
        for _ in range(stops):
            web.send_signal(signal.SIGTERM)
            wait_for(lambda: "Handling signal: term" in installation.output[logged:])
        web.wait(PATIENCE_SECONDS)
        received = 0
        while data := client.recv(MEGABYTE):
            received += len(data)
    (line,) = [line for line in installation.output[logged:].splitlines() if f'"GET {file_path}' in line]
    assert received - 2000 <= int(line.split('" 200 ')[1].split()[0]) <= received
