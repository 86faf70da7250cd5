"""The mixed run: create and run jobs of every kind while faults are injected."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from benchmarks.chaos.creator import Creator
from benchmarks.chaos.databases import Database
from benchmarks.chaos.diagnosis import describe_installation, describe_job
from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.chaos.interference import FaultInjector
from benchmarks.chaos.judge import Judgement, check_run
from benchmarks.chaos.pages import Pages
from benchmarks.chaos.timetable import Timetable
from webapp.accounts.user import Role
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import reading
from webapp.db.revision import upgrade
from webapp.jobs.model.job import UNFINISHED
from webapp.schema import jobs
from webapp.services import Services

_NAME, _PASSWORD = "chaos", "order out of chaos"
_SHARE = 0.1  # of the pause between two faults: the pause between two jobs
_DESCRIBED = 5  # jobs, if something is wrong
_CALM_SECONDS = 300.0  # a job that has not finished by then, after the last fault, never will


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a mixed run."""

    created: int
    injected: Counter[str]
    judgement: Judgement
    seconds: float
    lines: tuple[str, ...] = ()  # what there is to know if something is wrong


@contextmanager
def services_of(installation: ChaosInstallation) -> Iterator[Services]:
    """Create the tables; yield the services that this process uses."""
    app = create_app(load(data_dir=installation.folder, **installation.settings))
    with app.app_context():
        upgrade(app.extensions["deskjob"].engine)
        services: Services = app.extensions["deskjob"]
        yield services
        services.engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The number of jobs, the least number of faults, the pause between faults and the longest run, in seconds."""

    jobs: int
    faults: int
    pause: float
    longest: float


def run_jobs_under_faults(
    installation: ChaosInstallation,
    services: Services,
    database: Database,
    load: Load,
    *,
    lease_seconds: float,
    seed: int,
) -> Outcome:
    """Create jobs while faults are injected; check everything when all jobs have finished."""
    began = time.monotonic()
    injector = FaultInjector(installation, random.Random(seed + 1), lease_seconds=lease_seconds, others=database.faults)
    timetable = Timetable(services, random.Random(seed + 3))
    creator = Creator(services, _open_pages(installation, services), timetable, random.Random(seed + 2))
    injecting = threading.Thread(target=injector.inject, args=(load.pause,), daemon=True)
    injecting.start()
    for _ in creator.create(load.jobs):
        time.sleep(load.pause * _SHARE)
    left = load.longest - (time.monotonic() - began)
    _wait_for(lambda: injector.injected.total() >= load.faults and _unfinished(services) < load.jobs // 10, left)
    injector.stop()
    injecting.join()
    database.await_end_of_faults()
    _wait_for(timetable.is_up_to_date, _CALM_SECONDS)
    timetable.pause_all()
    _wait_for(lambda: not _unfinished(services) and not services.leases.beats(), _CALM_SECONDS)
    judgement = check_run(services, installation.ledger, creator.created)
    judgement.wrong.extend(timetable.wrong())
    lines = tuple(_describe(services, installation, injector, judgement))
    return Outcome(len(creator.created), injector.injected, judgement, time.monotonic() - began, lines)


def _describe(
    services: Services, installation: ChaosInstallation, injector: FaultInjector, judgement: Judgement
) -> Iterator[str]:
    """Yield the faults, the jobs that are lost or ran twice, and the installation; nothing if all is well."""
    if not (judgement.lost or judgement.twice or judgement.wrong):
        return
    yield f"faults: {', '.join(f'{name} {time.time() - at:.1f} s ago' for at, name in injector.history)}"
    for job_id in [*judgement.lost, *judgement.twice, *judgement.suspects][:_DESCRIBED]:
        yield from describe_job(services, installation, job_id)
    yield from describe_installation(services, installation)


def _open_pages(installation: ChaosInstallation, services: Services) -> Pages:
    services.accounts.add(_NAME, _PASSWORD, role=Role.ADMIN)
    return Pages(installation.address, _NAME, _PASSWORD)


def _unfinished(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).where(jobs.c.status.in_(UNFINISHED))).scalar_one()


def _wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition holds; if it never does, the checks report why."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except DBAPIError:
            pass
        time.sleep(0.1)
