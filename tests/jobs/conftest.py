"""The engine without pages: its services on a real database, and fixtures that create and run jobs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, create_engine, insert

from tests.shared_caches import share_statements
from webapp.config import Settings
from webapp.db.engine import engine_options, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.model.job import SYSTEM, Job, Owner, Status
from webapp.schema import now, users
from webapp.services import Services

LOCATION = AttemptLocation(worker="w", host="h", pid=1)
HOLDER = Holder(host="h", boot_id="b", worker="w", pid=1)


class Nothing(BaseModel):
    """A payload without fields."""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url, **engine_options(database_url))
    share_statements(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def services(settings: Settings, engine: Engine) -> Services:
    services = Services(settings, engine)
    services.registry.add(job_type("nothing", title="Nothing")(_nothing))
    return services


@pytest.fixture
def make(services: Services) -> Callable[..., Job]:
    """Create a job of the type "nothing"; the choices are those of `create_job`."""

    def make(owner: Owner = SYSTEM, **choices: Any) -> Job:
        return services.jobs.create_job("nothing", owner=owner, **choices)

    return make


@pytest.fixture
def lease(services: Services) -> UUID:
    return services.leases.open(HOLDER, "default")


@pytest.fixture
def running(services: Services, make: Callable[..., Job], lease: UUID) -> Callable[..., Job]:
    """Create a job and claim it, as a work-horse does."""

    def running(**choices: Any) -> Job:
        made = make(**choices)
        claimed = services.claims.claim(made.queue, lease, fresh=True)
        assert claimed is not None
        assert claimed.id == made.id
        return claimed

    return running


@pytest.fixture
def run(services: Services, lease: UUID) -> Callable[..., Job]:
    """Create a job of this handler, run one attempt, return the job."""

    def run(handler: Callable[..., Any], payload: Any = None, *, owner: Owner = SYSTEM, **rules: Any) -> Job:
        kind = job_type("tested", title="Tested", replaces=True, **rules)(handler)
        services.registry.add(kind)
        made = services.jobs.create_job("tested", payload, owner=owner, priority=1000)
        return run_once(services, made.queue, lease)

    return run


def run_once(services: Services, queue: str, lease: UUID) -> Job:
    claimed = services.claims.claim(queue, lease, fresh=True)
    assert claimed is not None
    services.executor.run(claimed, LOCATION)
    return services.jobs.get(claimed.id)


def end(services: Services, job: Job, status: Status = Status.COMPLETED, **details: Any) -> None:
    """End a claimed job's attempt."""
    ending = replace(Ending(status=status, outcome=status.value), **details)
    with writing(services.engine) as connection:
        finish_attempt.end_attempt(connection, job, LOCATION, ending)


def _nothing(job: object, payload: Nothing) -> None:
    """Do nothing."""


@pytest.fixture
def people(services: Services) -> Callable[[], UUID]:
    """Add a user who can own jobs; return the id."""

    def add() -> UUID:
        person_id = uuid4()
        row = {"id": person_id, "name": person_id.hex, "role": "user", "password_hash": "!"}
        with writing(services.engine) as connection:
            connection.execute(insert(users).values(**row, created_at=now()))
        return person_id

    return add
