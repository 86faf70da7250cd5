"""Clients signed in with each role, the audit log, and finished jobs with their history."""

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
    """Raise the sign-in limits, because all tests of a process count together."""
    return settings.model_copy(update={"login_limit": "10000 per minute", "address_limit": "10000 per minute"})


@pytest.fixture
def operator(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("olga", role="operator", full_name="Olga Op"))


@pytest.fixture
def auditor(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("audi", role="auditor"))


@pytest.fixture
def admin_client(admin: User, client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def audit_entries(services: Services) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that reads the audit log, oldest entry first."""

    def read() -> list[dict[str, Any]]:
        with reading(services.engine) as connection:
            return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]

    return read


@pytest.fixture
def update_metrics(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Update the metrics, as the scheduler does."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    return services.metrics.roll_up


@pytest.fixture
def insert_ended(services: Services, put: Callable[..., Job]) -> Callable[..., Job]:
    """Insert a job that ran for ten seconds and finished some minutes ago: `insert_ended(Status.FAILED, 5, "…")`."""

    def insert_ended(status: Status = Status.COMPLETED, minutes: float = 1, error: str = "", **values: Any) -> Job:
        at: datetime = services.queries.jobs.now() - timedelta(minutes=minutes)
        began, made = at - timedelta(seconds=10), at - timedelta(seconds=15)
        errors = ({"text": error, "at": at.isoformat()},) if error else ()
        job = put(status, finished_at=at, started_at=began, created_at=made, attempt=1, errors=errors, **values)
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

    return insert_ended


@pytest.fixture
def requeue(services: Services) -> Callable[[Job], None]:
    """Put a finished job back into its queue, as a retry does."""

    def requeue(job: Job) -> None:
        with writing(services.engine) as connection:
            values = {"status": "queued", "finished_at": None}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))

    return requeue
