"""Deskjob's own side of a comparison: the services of a worker process, without the pages. Driven as a peer is."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import create_engine, func, select

from benchmarks.peers import lone_jobs
from benchmarks.peers.commands import serve
from webapp.config import load
from webapp.db.engine import engine_options, forget_inherited_connections, reading, sharing_reads
from webapp.jobs.model.job import Owner, Status
from webapp.os_process import adopt_orphans
from webapp.processes.worker import job_worker, run, warm_up
from webapp.schema import attempts, events, jobs
from webapp.services import Services
from webapp.telemetry.program import start_telemetry

folder, database, redis, owner_id = sys.argv[2:]
settings = load(data_dir=Path(folder), database_url=database, redis_url=redis, jobtypes="benchmarks.noop")
services = Services(settings, create_engine(settings.database, **engine_options(settings.database)))


def fill(count: int) -> None:
    """Create no-op jobs of a person."""
    payloads = [{"number": number} for number in range(count)]
    services.jobs.create_many("noop", payloads, owner=Owner(user_id=UUID(owner_id)))


def work(count: int) -> float:
    """Run the jobs as a process of `webapp.processes.pool` does; return the seconds from the start of the loop."""
    before = _figures()
    forget_inherited_connections(services.engine)
    adopt_orphans()
    warm_up(services)
    worker = job_worker(services, uuid4().hex, ["default"])
    began = perf_counter()
    worker.work(burst=True, logging_level="WARNING")
    seconds = perf_counter() - began
    grown = tuple(new - old for old, new in zip(before, _figures(), strict=True))
    if grown != (count, count, 2 * count):
        message = f"expected {count} jobs and attempts and twice as many events, found {grown}"
        raise RuntimeError(message)
    return seconds


def lone(count: int, pause: float, seconds: float) -> dict[str, Any]:
    """Return the figures of single jobs; see `lone_jobs.figures`."""

    def create(address: str) -> Callable[[], bool]:
        job_id = services.jobs.create_job("first_line", {"address": address}).id
        return lambda: _status(job_id) == Status.COMPLETED

    forget_inherited_connections(services.engine)
    with sharing_reads():
        return lone_jobs.figures(lambda: run(services, uuid4().hex, ["default"]), create, count, pause, seconds)


def _status(job_id: UUID) -> str:
    with reading(services.engine) as connection:
        return connection.execute(select(jobs.c.status).where(jobs.c.id == job_id)).scalar_one()


def _figures() -> tuple[int, int, int]:
    with services.engine.connect() as connection:
        done = connection.execute(select(func.count()).where(jobs.c.status == "completed")).scalar_one()
        tries = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
        noted = connection.execute(select(func.count()).select_from(events)).scalar_one()
    return done, tries, noted


if __name__ == "__main__":
    start_telemetry(settings, services.secret_key, program="worker")  # its log is that of an installation
    serve({"fill": fill, "work": work, "lone": lone})
