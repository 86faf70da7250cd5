"""Fair share: how long a single job waits while another owner has 5,000 queued jobs, with real workers."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import func, select

from benchmarks import claim, servers
from benchmarks.installation import add_person, fork_worker, installed
from benchmarks.rounds import Verdict
from webapp.jobs.model.job import Job, Owner
from webapp.schema import jobs
from webapp.services import Services

WORKERS, OTHERS = 2, 5000
SECONDS = 1.0  # run time of one job
GOAL = 1.1  # run times of one job: one until a worker is free, and a tenth for the claim


def run(*, short: bool) -> Verdict:
    """Measure on both databases: the wait, in run times of one job, and the time of a claim (claim.py)."""
    with servers.valkey() as redis:
        waits = {kind: _longest_wait(kind, redis, 2 if short else 10) for kind in ("sqlite", "postgresql")}
        costs = claim.costs(redis, short=short)
    found = [f"{wait:.2f} run times on {kind}" for kind, wait in waits.items()]
    claims = [f"{times:.2f} times on {name}" for name, times in costs.items()]
    rows = claim.SHORT_MANY if short else claim.MANY
    return Verdict(
        values=f"behind {OTHERS:,} jobs of another owner, a job waits at most {', '.join(found)}; "
        f"a claim among {rows:,} rows, compared with {claim.FEW:,}: {', '.join(claims)}",
        goal=f"at most {GOAL} run times, {claim.GOAL} times",
        ok=max(waits.values()) <= GOAL and max(times.median for times in costs.values()) <= claim.GOAL,
    )


def _longest_wait(kind: str, redis: str, tries: int) -> float:
    with installed(kind, redis, "benchmarks.pause") as services:
        busy, single = add_person(services), add_person(services)
        services.jobs.create_many("pause", [{"seconds": SECONDS}] * OTHERS, owner=Owner(user_id=busy))
        services.wake_ups.top_up("default", OTHERS)  # wake every worker, as the scheduler does
        with _workers(services):
            _await_work(services)
            waits = [_wait(services, single) for _ in range(tries)]
    print(f"  {kind}, {OTHERS:,} jobs of another owner: longest wait {max(waits):.2f} run times", flush=True)
    return max(waits)


def _wait(services: Services, owner_id: UUID) -> float:
    time.sleep(random.random() * SECONDS)  # at a random moment of the running jobs
    made = services.jobs.create_job("pause", {"seconds": 0.0}, owner=Owner(user_id=owner_id))
    job = _ended(services, made)
    if not (job.started_at and job.created_at):
        message = f"the job did not run: {job.status}, {job.errors}"
        raise RuntimeError(message)
    return (job.started_at - job.created_at).total_seconds() / SECONDS


def _ended(services: Services, job: Job) -> Job:
    deadline = time.monotonic() + 60
    while not job.is_finished and time.monotonic() < deadline:
        time.sleep(0.05)
        job = services.jobs.get(job.id)
    return job


def _await_work(services: Services) -> None:
    running = select(func.count()).where(jobs.c.status == "running")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with services.engine.connect() as connection:
            if connection.execute(running).scalar_one() == WORKERS:
                return
        time.sleep(0.05)
    message = f"fewer than {WORKERS} workers started a job"
    raise RuntimeError(message)


@contextmanager
def _workers(services: Services) -> Iterator[None]:
    services.engine.dispose()
    pids = [fork_worker(services) for _ in range(WORKERS)]
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            os.waitpid(pid, 0)
