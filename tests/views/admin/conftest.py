"""People of each role with a browser, what the audit has noted, and jobs as they have ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import reading, writing
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import Job, Status
from webapp.schema import attempts, audit, events, jobs
from webapp.services import Services


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let the tests of a process, which share the counts, send as many passwords as they like."""
    return settings.model_copy(update={"login_limit": "10000 per minute", "address_limit": "10000 per minute"})


@pytest.fixture
def operator(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("olga", role="operator", full_name="Olga Op"))


@pytest.fixture
def auditor(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("audi", role="auditor"))


@pytest.fixture
def boss(admin: User, client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def noted(services: Services) -> Callable[[], list[dict[str, Any]]]:
    """Return what the audit holds, oldest first."""

    def noted() -> list[dict[str, Any]]:
        with reading(services.engine) as connection:
            return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]

    return noted


@pytest.fixture
def fold(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Add up the figures, as the clock does."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    return services.metrics.roll_up


@pytest.fixture
def ended(services: Services, put: Callable[..., Job]) -> Callable[..., Job]:
    """Insert a job that ran for ten seconds and ended some minutes ago: `ended(Status.FAILED, 5, error="…")`."""

    def ended(status: Status = Status.COMPLETED, minutes: float = 1, error: str = "", **values: Any) -> Job:
        at: datetime = services.queries.jobs.now() - timedelta(minutes=minutes)
        began, made = at - timedelta(seconds=10), at - timedelta(seconds=15)
        noted = ({"text": error, "at": at.isoformat()},) if error else ()
        job = put(status, finished_at=at, started_at=began, created_at=made, attempt=1, errors=noted, **values)
        with writing(services.engine) as connection:
            connection.execute(
                insert(attempts).values(
                    job_id=job.id,
                    number=1,
                    outcome=status.value,
                    worker="w-1",
                    host="h",
                    pid=1,
                    started_at=began,
                    finished_at=at,
                    error=error or None,
                )
            )
            row = {"job_id": job.id, "at": at, "name": status.value, "attempt": 1, "detail": error}
            connection.execute(insert(events).values(**row))
        return job

    return ended


@pytest.fixture
def requeue(services: Services) -> Callable[[Job], None]:
    """Let a job wait again, as one that is retried does."""

    def requeue(job: Job) -> None:
        with writing(services.engine) as connection:
            values = {"status": "queued", "finished_at": None}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))

    return requeue
