"""Jobs as they may stand, put straight into the database."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, update
from uuid_utils.compat import uuid7

from tests.views.browsing import address, change, open_page, page  # noqa: F401  (fixtures)
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store.attachments import Attachment
from webapp.schema import attachments, jobs, log_lines, now
from webapp.services import Services


@pytest.fixture
def put(services: Services, user: User) -> Callable[..., Job]:
    """Insert a job of `user`: `put(Status.RUNNING, progress=42.0)`."""

    def put(status: Status = Status.QUEUED, **values: Any) -> Job:
        known = {"type": "report", "title": "Monthly report", "owner": Owner(user_id=user.id), **values}
        times = {name: known.pop(name) for name in tuple(known) if name.endswith("_at")}
        if status not in {Status.HELD, Status.SCHEDULED, Status.QUEUED}:
            times = {"started_at": now(), **times}
        if status in {Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.STALE}:
            times = {"finished_at": now(), **times}
        job = Job(id=uuid7(), status=status, **known)
        with writing(services.engine) as connection:
            services.jobs.store.insert(connection, [job])
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(version=1, **times))
        return services.jobs.get(job.id)

    return put


@pytest.fixture
def attach(services: Services) -> Callable[..., Attachment]:
    """Give a job a file: `attach(job, "report.pdf", b"…")`."""

    def attach(job: Job, name: str, content: bytes = b"content", role: str = "output", **values: Any) -> Attachment:
        file = services.files.receive(BytesIO(content), name)
        described = {"name": name, "media_type": file.media_type, "size": file.size, "sha256": file.sha256}
        row = {"id": file.id, "job_id": job.id, "attempt": 1, "role": role, **described, **values}
        with writing(services.engine) as connection:
            connection.execute(insert(attachments).values(created_at=now(), **row))
        return services.jobs.attachment(job.id, file.id)

    return attach


@pytest.fixture
def nothing_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no relative time of a page move on meanwhile, however slow the test is: it would be answered again."""
    monkeypatch.setattr("webapp.views.page.polling.job_tick", lambda *_: 0)


@pytest.fixture
def long_ago() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def admins(client_of: Callable[[User], FlaskClient], admin: User) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def write_log(services: Services) -> Callable[..., None]:
    """Write lines into a job's log: `write_log(job, "a line", level="WARNING")`."""

    def write(job: Job, *texts: str, level: str = "INFO", attempt: int = 1) -> None:
        rows = [{"job_id": job.id, "attempt": attempt, "level": level, "text": text} for text in texts]
        with writing(services.engine) as connection:
            connection.execute(insert(log_lines).values(at=now()), rows)

    return write
