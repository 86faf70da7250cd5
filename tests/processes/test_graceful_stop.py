"""A stop starts no new work and gives running work a grace period; a second stop ends everything now."""

import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.forked_commands import ForkedCommand
from tests.installation import ENDLESS_SECONDS, PATIENCE_SECONDS, Installation, free_port, wait_for
from webapp.jobs.model.job import Status
from webapp.jobs.monitoring.clock_heartbeat import time_since_heartbeat
from webapp.processes.web import _GRACE_SECONDS

GRACE = {"DESKJOB_STOP_GRACE_SECONDS": str(ENDLESS_SECONDS)}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def web(installation: Installation, port: int) -> ForkedCommand:
    web = installation.start("web", "--port", str(port), "--processes", "1")
    wait_for(lambda: is_well(port))
    return web


@pytest.fixture
def half_sent(web: object, port: int) -> Iterator[socket.socket]:
    """A request that is under way: the end of its body is still to come."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as request:
        form = "Content-Type: application/x-www-form-urlencoded"
        request.sendall(f"POST /login HTTP/1.1\r\nHost: x\r\n{form}\r\nContent-Length: 8\r\n\r\nname".encode())
        wait_for(lambda: has_been_read(request))
        yield request


def has_been_read(request: socket.socket) -> bool:
    """Tell whether the server has taken everything that was sent from its socket."""
    server, client = (f":{address[1]:04X}" for address in (request.getpeername(), request.getsockname()))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if local.endswith(server) and remote.endswith(client):
            return queues.endswith(":00000000")
    return False


def is_well(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_stopped_web_server_finishes_open_requests(
    installation: Installation, web: ForkedCommand, half_sent: socket.socket
) -> None:
    web.send_signal(signal.SIGTERM)
    wait_for(lambda: "Handling signal: term" in installation.output)
    half_sent.sendall(b"=ana")
    assert half_sent.recv(100).startswith(b"HTTP/1.1 400"), "the request has no CSRF token and is answered"
    half_sent.close()
    assert web.wait(PATIENCE_SECONDS) == 0


@pytest.mark.exhaustive
def test_a_second_stop_of_the_web_server_waits_for_no_request(
    installation: Installation, web: ForkedCommand, half_sent: socket.socket
) -> None:
    web.send_signal(signal.SIGTERM)
    wait_for(lambda: "Handling signal: term" in installation.output)
    began = time.monotonic()
    web.send_signal(signal.SIGTERM)
    web.wait(PATIENCE_SECONDS)
    assert time.monotonic() - began < _GRACE_SECONDS, "an open request keeps the server that long"


@pytest.mark.exhaustive
def test_a_stopped_clock_finishes_its_round_and_removes_its_heartbeat(installation: Installation) -> None:
    clock = installation.start("clock")
    wait_for(lambda: time_since_heartbeat(installation.services.engine) is not None)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(PATIENCE_SECONDS) == 0
    assert time_since_heartbeat(installation.services.engine) is None


@pytest.mark.exhaustive
def test_a_second_stop_ends_the_clock_without_the_database(installation: Installation) -> None:
    clock = installation.start("clock")
    wait_for(lambda: time_since_heartbeat(installation.services.engine) is not None)
    other = sqlite3.connect(installation.folder / "deskjob.sqlite3", isolation_level=None)
    try:
        clock.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        other.execute("BEGIN IMMEDIATE")  # so that it cannot say goodbye
        clock.send_signal(signal.SIGTERM)
        assert clock.wait(PATIENCE_SECONDS) in {0, -signal.SIGTERM}
    finally:
        other.close()


@pytest.mark.exhaustive
def test_a_second_stop_of_up_hands_back_running_jobs_at_once(installation: Installation, port: int) -> None:
    del installation.settings["DESKJOB_REDIS_URL"]
    up = installation.start_up("--port", str(port), "--workers", "1", **GRACE)
    wait_for(lambda: "Deskjob is ready at" in installation.output)
    deaf = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    installation.await_status(deaf, Status.RUNNING)
    wait_for(lambda: installation.get(deaf).state)  # before that, it hands itself back at once
    up.send_signal(signal.SIGTERM)
    time.sleep(1.5)
    assert up.poll() is None, "the job has its grace"
    assert installation.get(deaf).status is Status.RUNNING
    waits = installation.job("quick")
    up.send_signal(signal.SIGTERM)
    assert up.wait(PATIENCE_SECONDS) == 0
    assert [installation.get(job_id).status for job_id in (deaf, waits)] == [Status.QUEUED, Status.QUEUED]
    assert installation.services.leases.beats() == {}
