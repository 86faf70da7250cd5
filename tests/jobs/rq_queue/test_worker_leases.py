"""How a worker opens its leases on PostgreSQL, whose connections can break while the worker is idle."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from webapp.db import bounded_connection
from webapp.db.bounded_connection import BoundedConnection
from webapp.db.engine import reading, writing
from webapp.jobs.launching.launch_run import LaunchRun
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import DEFAULT_RESOURCES
from webapp.jobs.rq_queue.worker import JobWorker
from webapp.processes.worker import job_worker
from webapp.services import Services

pytestmark = [
    pytest.mark.dialect(both=True),
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]


@pytest.fixture
def worker(services: Services, monkeypatch: pytest.MonkeyPatch, database: str) -> Iterator[JobWorker]:
    """A worker whose idle connections count as such at once."""
    monkeypatch.setattr(bounded_connection, "_FRESH_SECONDS", 0.0)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    worker = job_worker(services, "w", ["default"])
    with reading(services.engine) as connection:  # so that it has read the revision
        connection.execute(text("SELECT 1"))
    yield worker
    for number, handler in handlers.items():
        signal.signal(number, handler)


def break_connections(services: Services, count: int) -> None:
    """Let the pool have this many connections, which the server has closed."""
    with ExitStack() as stack:
        held = [stack.enter_context(services.engine.connect()) for _ in range(count)]
        pids = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in held]
    with services.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
        own = other.execute(text("SELECT pg_backend_pid()")).scalar_one()
        for pid in set(pids) - {own}:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        other.detach()


def test_it_looks_for_work_without_a_ping(
    worker: JobWorker, services: Services, make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker._lease_for("default") is None
    make()
    pings: list[object] = []
    monkeypatch.setattr(BoundedConnection, "answers", pings.append)
    lease_id = worker._lease_for("default")
    assert pings == []
    monkeypatch.undo()
    assert set(services.leases.beats()) == {lease_id}


def test_it_repeats_the_look_on_a_working_connection_if_idle_ones_were_broken(
    worker: JobWorker, services: Services, make: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    make()
    assert worker._lease_for("default")
    break_connections(services, 4)
    with caplog.at_level(logging.WARNING):
        assert worker._lease_for("default")
    assert caplog.messages == [], "it tried no third time"


def test_it_opens_no_lease_while_the_tables_are_those_of_another_version(
    worker: JobWorker, services: Services, make: Callable[..., Job]
) -> None:
    make()
    with writing(services.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    assert worker._lease_for("default") is None
    assert services.leases.beats() == {}


def test_it_opens_no_lease_after_a_request_to_stop(
    worker: JobWorker, services: Services, make: Callable[..., Job]
) -> None:
    make()
    worker._stop_requested = True
    assert worker._lease_for("default") is None
    assert services.leases.beats() == {}


def test_it_opens_a_lease_without_a_job_if_a_launched_process_must_be_stopped(
    worker: JobWorker, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LaunchRun(services.launches, {}, lambda _type: DEFAULT_RESOURCES)
    monkeypatch.setattr(run, "has_unwanted", lambda queue: queue == "default")
    monkeypatch.setitem(vars(services), "launch_run", run)
    assert worker._lease_for("other") is None
    lease_id = worker._lease_for("default")
    assert set(services.leases.beats()) == {lease_id}
