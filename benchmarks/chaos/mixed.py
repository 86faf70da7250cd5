"""The mixed run: jobs of every kind are made and worked on, while the hand strikes."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from benchmarks.chaos.creator import Creator
from benchmarks.chaos.databases import Database
from benchmarks.chaos.installation import TYPES, House
from benchmarks.chaos.interference import Hand
from benchmarks.chaos.judge import Judgement, judged
from benchmarks.chaos.pages import Pages
from benchmarks.chaos.timetable import Timetable
from webapp.accounts.user import Role
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import reading
from webapp.jobs.model.job import UNFINISHED
from webapp.schema import jobs
from webapp.services import Services

_NAME, _PASSWORD = "chaos", "order out of chaos"
_SHARE = 0.1  # of the pause between two strikes: so long is the one between two jobs
_CALM_SECONDS = 120.0  # within which everything must have ended once the hand rests


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mixed run."""

    made: int
    struck: Counter[str]
    judgement: Judgement
    seconds: float


@contextmanager
def services_of(folder: Path, database: Database, house: House, lease_seconds: float) -> Iterator[Services]:
    """Make the tables; yield what this process itself works with."""
    settings = load(
        data_dir=folder,
        database_url=database.url,
        redis_url=house.redis,
        secret_key="c" * 32,
        jobtypes=TYPES,
        lease_seconds=lease_seconds,
    )
    app = create_app(settings)
    with app.app_context():
        upgrade()
        services: Services = app.extensions["deskjob"]
        yield services
        services.engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain:
    """How many jobs there are, how many strikes at least, and how often and for how long at most, in seconds."""

    jobs: int
    strikes: int
    pause: float
    longest: float


def mixed(
    house: House, services: Services, database: Database, rain: Rain, *, lease_seconds: float, seed: int
) -> Outcome:
    """Make jobs while the hand strikes; judge when all have ended."""
    began = time.monotonic()
    hand = Hand(house, random.Random(seed + 1), lease_seconds=lease_seconds, database=database.faults)
    timetable = Timetable(services, random.Random(seed + 3))
    creator = Creator(services, _signed_up(house, services), timetable, random.Random(seed + 2))
    striking = threading.Thread(target=hand.strike, args=(rain.pause,), daemon=True)
    striking.start()
    for _ in creator.create(rain.jobs):
        time.sleep(rain.pause * _SHARE)
    left = rain.longest - (time.monotonic() - began)
    _wait_for(lambda: hand.struck.total() >= rain.strikes and _unfinished(services) < rain.jobs // 10, left)
    hand.stop()
    striking.join()
    _wait_for(timetable.is_up_to_date, _CALM_SECONDS)
    timetable.rest()
    _wait_for(lambda: not _unfinished(services) and not services.leases.beats(), _CALM_SECONDS)
    judgement = judged(services, house.ledger, creator.made)
    judgement.wrong.extend(timetable.wrong())
    return Outcome(len(creator.made), hand.struck, judgement, time.monotonic() - began)


def _signed_up(house: House, services: Services) -> Pages:
    services.accounts.add(_NAME, _PASSWORD, role=Role.ADMIN)
    return Pages(house.port, _NAME, _PASSWORD)


def _unfinished(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).where(jobs.c.status.in_(UNFINISHED))).scalar_one()


def _wait_for(fact: Callable[[], bool], seconds: float) -> None:
    """Wait until it is so; the judge says what it means if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if fact():
                return
        except DBAPIError:
            pass
        time.sleep(0.1)
