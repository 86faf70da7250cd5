"""An installation with some of everything, and an empty one beside it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import create_engine

from webapp.accounts.user import User
from webapp.config import load
from webapp.db.engine import engine_options
from webapp.db.sqlite_file import create_file
from webapp.jobs import JobContext, Owner, job_type
from webapp.services import Services

KEY = "k" * 32


class Letter(BaseModel):
    to: str = "Ana"
    password: SecretStr | None = None


@pytest.fixture
def installation(services: Services, user: User, run_jobs: Callable[..., int]) -> Services:
    """The installation of the tests, with jobs in several statuses, a child, a file, an event and a secret."""

    @job_type("letter", title="Letter")
    def letter(job: JobContext, payload: Letter) -> None:
        job.attach("letter.txt", f"Dear {payload.to} \N{SNOWMAN}\n")
        job.save_metadata({"nothing": None, "pages": 1.5})
        if payload.to == "nobody":
            raise ValueError("There is nobody.")

    services.registry.add(letter)
    owner = Owner(user_id=user.id)
    services.jobs.create_job("letter", {"to": "Zoë", "password": "hunter2"}, owner=owner)
    services.jobs.create_job("letter", {"to": "nobody"}, owner=owner)
    run_jobs()
    root = services.jobs.create_job("letter", owner=owner)
    services.jobs.create_child_job(root.id, "letter", name="one")
    services.jobs.create_job("letter", after=[root.id])
    services.jobs.add_attachment(root.id, "large.bin", BytesIO(b"\0" * 3_000_000))
    return services


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Services]:
    """Services of an empty folder: no tables, no files."""
    yield from opened(tmp_path / "empty")


@pytest.fixture
def empty_on_postgresql(
    tmp_path: Path, request: pytest.FixtureRequest, installation: Services
) -> Iterator[Services]:  # migrated, without rows
    with request.getfixturevalue("postgresql_databases").lend() as url:
        yield from opened(tmp_path / "empty", url)


def opened(folder: Path, url: str = "") -> Iterator[Services]:
    folder.mkdir(mode=0o700)
    settings = load(data_dir=folder, database_url=url, secret_key=KEY)
    services = Services(settings, create_engine(settings.database, **engine_options(settings.database)))
    with suppress(OSError):
        create_file(services.engine)
    yield services
    services.engine.dispose()
    if "wake_ups" in vars(services):
        services.wake_ups.connection.close()
    shutil.rmtree(folder)
