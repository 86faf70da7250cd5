"""Every process waits while the database is away."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from benchmarks.chaos.postgresql import PostgreSQL, wait_until_it_answers
from tests.databases import TEMPLATE, create_database, drop_database, in_database
from tests.installation import PATIENCE_SECONDS, SHORT_LEASE, Installation, free_port, installed, wait_for
from webapp.jobs.model.job import Job, Status
from webapp.jobs.monitoring.clock_heartbeat import time_since_heartbeat

PATIENT = {"DESKJOB_LEASE_SECONDS": "120"}


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    name = f"test_{uuid4().hex}"
    create_database(postgresql.url, name, TEMPLATE)
    engine = create_engine(postgresql.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # a crash of the server must not take commits back
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = on"))
    engine.dispose()
    with installed(sqlite_template, valkey_url, in_database(postgresql.url, name)) as installation:
        yield installation
    drop_database(postgresql.url, name)


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def workers(installation: Installation, count: int, **settings: str) -> Any:
    pool = installation.start("worker", "--workers", str(count), **settings)
    wait_for(lambda: installation.services.wake_ups.workers_alive("default") == count)
    return pool


def completed(installation: Installation, job: Any) -> Job:
    return installation.await_status(job, Status.COMPLETED, Status.FAILED, Status.STALE)


def test_all_processes_survive_a_crash_of_the_database_and_report_it(
    on_postgresql: Installation, postgresql: PostgreSQL
) -> None:
    here, port = on_postgresql, free_port()
    processes = [
        here.start("web", "--port", str(port), "--processes", "1", **PATIENT),
        here.start("clock", **PATIENT),
        workers(here, 2, **PATIENT),
    ]
    wait_for(lambda: get(port, "/readyz/clock")[0] == 200)
    speaks, is_deaf = here.job("steps", {"steps": 8, "seconds": 0.3}), here.job("deaf", {"seconds": 1.5})
    for job_id in (speaks, is_deaf):
        here.await_status(job_id, Status.RUNNING)
    postgresql.crash()
    try:
        assert get(port, "/healthz")[0] == 200
        status, body = get(port, "/readyz")
        assert (status, '"database":"cannot be reached"' in body) == (503, True)
        time.sleep(2.5)  # so that one job wants to save its checkpoint, the other one to end
    finally:
        postgresql.start()
        wait_until_it_answers(postgresql)
    for job_id in (speaks, is_deaf):
        job = completed(here, job_id)
        assert (job.status, job.attempt, job.errors) == (Status.COMPLETED, 1, ())
    assert completed(here, here.job("quick")).status is Status.COMPLETED
    wait_for(lambda: get(port, "/readyz")[0] == 200 and get(port, "/readyz/clock")[0] == 200)
    assert [process.poll() for process in processes] == [None, None, None]
    assert wait_for(lambda: not here.services.leases.beats())


@pytest.mark.exhaustive
def test_repeated_connection_losses_cost_no_attempt(on_postgresql: Installation, postgresql: PostgreSQL) -> None:
    workers(on_postgresql, 1, **PATIENT)
    job_id = on_postgresql.job("steps", {"steps": 60, "seconds": 0.03})
    on_postgresql.await_status(job_id, Status.RUNNING)
    name = on_postgresql.services.engine.url.database
    for _ in range(20):
        postgresql.cut_connections(name)
        time.sleep(0.05)
    job = completed(on_postgresql, job_id)
    assert (job.status, job.attempt, job.state["by"]) == (Status.COMPLETED, 1, [1] * 60)


@pytest.mark.exhaustive
def test_an_outage_longer_than_the_lease_ends_the_attempt_and_not_the_job(
    on_postgresql: Installation, postgresql: PostgreSQL
) -> None:
    on_postgresql.start("clock", **SHORT_LEASE)
    workers(on_postgresql, 1, **SHORT_LEASE)
    job_id = on_postgresql.job("steps", {"steps": 30, "seconds": 0.2})
    wait_for(lambda: on_postgresql.get(job_id).state.get("step", 0) >= 2)
    postgresql.crash()
    time.sleep(4)  # longer than the lease
    postgresql.start()
    wait_until_it_answers(postgresql)
    job = completed(on_postgresql, job_id)
    assert (job.status, job.state["step"]) == (Status.COMPLETED, 30)
    *earlier, last = [attempt.outcome for attempt in on_postgresql.services.queries.jobs.attempts(job_id)]
    assert (set(earlier), last) == ({"interrupted"}, "completed"), "a slow machine can interrupt it again"


@pytest.mark.exhaustive
def test_a_long_write_lock_costs_no_attempt(installation: Installation) -> None:
    workers(installation, 1, **PATIENT)
    job_id = installation.job("steps", {"steps": 10, "seconds": 0.1})
    installation.await_status(job_id, Status.RUNNING)
    other = sqlite3.connect(installation.folder / "deskjob.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(2.5)
    other.execute("COMMIT")
    other.close()
    job = completed(installation, job_id)
    assert (job.status, job.attempt) == (Status.COMPLETED, 1)


@pytest.mark.exhaustive
def test_a_worker_stops_while_the_database_is_away(on_postgresql: Installation, postgresql: PostgreSQL) -> None:
    clock, pool = on_postgresql.start("clock"), workers(on_postgresql, 1)
    wait_for(lambda: time_since_heartbeat(on_postgresql.services.engine) is not None)
    job_id = on_postgresql.job("steps", {"steps": 100, "seconds": 0.1})
    on_postgresql.await_status(job_id, Status.RUNNING)
    postgresql.crash()
    try:
        for process in (clock, pool):
            process.send_signal(signal.SIGTERM)
        time.sleep(1)
    finally:
        postgresql.start()
        wait_until_it_answers(postgresql)
    assert (clock.wait(PATIENCE_SECONDS), pool.wait(PATIENCE_SECONDS)) == (0, 0)
    assert (on_postgresql.get(job_id).status, on_postgresql.get(job_id).attempt) == (Status.QUEUED, 1)
