"""A secret of the payload never leaves a job through what the job says."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import inspect, select

from webapp.db.engine import reading
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job
from webapp.jobs.model.secret_mask import MASK
from webapp.schema import metadata
from webapp.services import Services

SECRET = "open-sesame-4711"
Run = Callable[..., Job]


class Keys(BaseModel):
    key: SecretStr
    more: dict[str, SecretStr] = {}


def message(job: JobContext, secret: str) -> None:
    job.message(f"with {secret}")


def progress(job: JobContext, secret: str) -> None:
    job.progress(10, message=secret)


def warning(job: JobContext, secret: str) -> None:
    job.warn(f"{secret} is old", "old_key", key_text=secret)


def error(job: JobContext, secret: str) -> None:
    job.error(f"{secret} is wrong")


def log_line(job: JobContext, secret: str) -> None:
    job.logger.info("GET /?key=%s", secret)
    job.logger.info("%s%s", "x" * 8180, secret)  # cut in the middle of the secret


def metadata_value(job: JobContext, secret: str) -> None:
    job.save_metadata({"used": [secret]})


def title_of_child_job(job: JobContext, secret: str) -> None:
    job.spawn("nothing", title=f"Sync {secret}")


def title_of_dependent_job(job: JobContext, secret: str) -> None:
    job.after("nothing", title=f"Check {secret}")


def exception(job: JobContext, secret: str) -> None:
    raise ValueError(secret)


def chained_exception(job: JobContext, secret: str) -> None:
    raise RuntimeError from KeyError(secret)


def job_error(job: JobContext, secret: str) -> None:
    raise JobError(f"{secret} is wrong", "wrong", key_text=secret)


SAYINGS: Mapping[str, Callable[[JobContext, str], None]] = {
    each.__name__: each
    for each in (
        *(message, progress, warning, error, log_line, metadata_value),
        *(title_of_child_job, title_of_dependent_job),
        *(exception, chained_exception, job_error),
    )
}


def stored_text(services: Services) -> str:
    """Return everything that the database holds, as text."""
    with reading(services.engine) as connection:
        names = inspect(connection).get_table_names()
        tables = [metadata.tables[name] for name in names if name in metadata.tables]
        return repr([connection.execute(select(table)).all() for table in tables])


@pytest.mark.parametrize("say", SAYINGS.values(), ids=SAYINGS)
def test_a_secret_is_masked_before_it_is_stored(
    services: Services, run: Run, say: Callable[[JobContext, str], None]
) -> None:
    def handler(job: JobContext, payload: Keys) -> None:
        say(job, payload.key.get_secret_value())
        say(job, payload.more["nested"].get_secret_value())

    run(handler, {"key": SECRET, "more": {"nested": f"{SECRET}-2"}})
    stored = stored_text(services)
    assert "open-sesame" not in stored
    assert MASK in stored


def test_a_file_name_shows_no_secret(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Keys) -> None:
        job.attach(f"{payload.key.get_secret_value()}.txt", "content")
        with job.open_attachment(f"b-{payload.key.get_secret_value()}.txt") as file:
            file.write(b"content")

    names = [file.name for file in services.jobs.attachments(run(handler, {"key": SECRET}).id)]
    assert names == ["__________.txt", "b-__________.txt"]
    assert "open-sesame" not in stored_text(services)


def test_the_state_of_a_job_keeps_what_its_handler_saves(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Keys) -> None:
        job.save_state({"session": payload.key.get_secret_value()})

    assert run(handler, {"key": SECRET}).state == {"session": SECRET}


def test_a_dry_run_shows_no_secret(services: Services) -> None:
    def handler(job: JobContext, payload: Keys) -> None:
        job.message(payload.key.get_secret_value())
        raise ValueError(payload.key.get_secret_value())

    services.registry.add(job_type("keys", title="Keys")(handler))
    shown: list[Any] = []
    services.dry_run(services.jobs.create_job("keys", {"key": SECRET}).id, shown.append)
    assert SECRET not in str(shown)
    assert MASK in str(shown)
