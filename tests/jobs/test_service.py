import io
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import Engine, func, select

from tests.jobs.conftest import end
from webapp.accounts.user import User
from webapp.config import load
from webapp.db.engine import reading
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import InvalidPayload, job_type
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.store.file_store import StoredFile
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import attachments, events, jobs
from webapp.services import Services


class Sheet(BaseModel):
    amount: int = Field(ge=0)
    file: Upload


def count(services: Services, *tables: object) -> list[int]:
    with reading(services.engine) as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


@pytest.fixture(autouse=True)
def _sheet(services: Services) -> None:
    @job_type("sheet", title="Read a sheet", queue="sheets", priority=70, max_attempts=3, own_process=True)
    def sheet(job: object, payload: Sheet) -> None:
        """Read it."""

    services.registry.add(sheet)


@pytest.fixture
def upload(services: Services) -> StoredFile:
    return services.files.receive(io.BytesIO(b"a,b\n"), "sheet.csv")


def test_a_job_is_created_with_its_event_and_files(services: Services, upload: StoredFile, database: str) -> None:
    someone, owner = uuid4(), Owner(user_id=uuid4())
    job = services.jobs.create_job("sheet", {"amount": 1}, owner=owner, triggered_by=someone, files={"file": upload})
    assert (job.status, job.title, job.queue, job.priority, job.max_attempts) == (
        Status.QUEUED,
        "Read a sheet: sheet.csv",
        "sheets",
        70,
        3,
    )
    assert (job.owner, job.triggered_by, job.own_process) == (owner, someone, True)
    assert job.payload["amount"] == 1
    assert job.payload["file"] == {
        "name": "sheet.csv",
        "size": 4,
        "sha256": upload.sha256,
        "media_type": "text/csv",
    }
    (file,) = services.jobs.attachments(job.id)
    assert (file.id, file.role, file.expires_at) == (upload.id, "input", None)
    (event,) = services.queries.jobs.timeline(job.id)
    assert (event.name, event.actor_id) == ("created", someone)
    assert job.created_at <= event.at <= services.queries.jobs.now()
    assert job == services.jobs.get(job.id)


def test_choices_override_the_defaults_of_the_type(services: Services) -> None:
    job = services.jobs.create_job("nothing", title="Mine", queue="default", priority=5, unique_key="k")
    assert (job.title, job.queue, job.priority, job.unique_key) == ("Mine", "default", 5, "k")


def test_an_invalid_payload_writes_nothing(services: Services, upload: StoredFile, database: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        services.jobs.create_job("sheet", {"amount": -1}, files={"file": upload})
    assert refused.value.errors == {"amount": "Input should be greater than or equal to 0."}
    with pytest.raises(InvalidPayload) as refused:
        services.jobs.create_job("sheet", {"amount": 1})
    assert set(refused.value.errors) == {"file"}
    with pytest.raises(UnknownJobType, match="There is no job type 'no_such'"):
        services.jobs.create_job("no_such")
    assert count(services, jobs, events, attachments) == [0, 0, 0]


def test_the_row_event_and_files_are_written_together_or_not_at_all(
    services: Services, upload: StoredFile, database: str
) -> None:
    services.jobs.create_job("sheet", {"amount": 1}, files={"file": upload})
    before = count(services, jobs, events, attachments)
    with pytest.raises(Exception, match=r"(?i)unique"):
        services.jobs.create_job("sheet", {"amount": 1}, files={"file": upload})
    assert count(services, jobs, events, attachments) == before


def test_the_wake_up_follows_the_commit(services: Services) -> None:
    seen = []
    services.jobs._wake = lambda queue: seen.append((queue, count(services, jobs)))
    services.jobs.create_job("nothing")
    assert seen == [("default", [1])]


def test_many_jobs_wake_as_many_workers(services: Services) -> None:
    seen = []
    services.jobs._wake = lambda queue, rows=1: seen.append((queue, rows))
    services.jobs.create_many("nothing", [{}] * 7)
    assert seen == [("default", 7)]


def test_no_worker_is_woken_for_a_job_that_cannot_be_claimed(services: Services) -> None:
    seen: list[str] = []
    services.jobs._wake = seen.append
    with pytest.raises(InvalidPayload):
        services.jobs.create_job("sheet", {})
    assert seen == []


def test_only_one_unfinished_job_holds_a_unique_key(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    first = running(unique_key="report-2026")
    with pytest.raises(DuplicateJob, match="unique key 'report-2026' is not finished yet"):
        services.jobs.create_job("nothing", unique_key="report-2026")
    services.jobs.create_job("nothing", unique_key="report-2027")
    services.jobs.create_job("nothing")
    services.jobs.create_job("nothing")
    end(services, first)
    assert services.jobs.create_job("nothing", unique_key="report-2026").status is Status.QUEUED


def test_each_create_method_sets_its_owner(services: Services) -> None:
    someone = uuid4()
    assert services.jobs.create_system_job("nothing").owner == Owner(public=True)
    assert services.jobs.create_system_job("nothing", public=False).owner == Owner()
    assert services.jobs.create_user_job("nothing", None, someone).owner == Owner(user_id=someone)
    assert services.jobs.create_job("nothing").owner == Owner()


def test_a_job_of_a_user_belongs_to_the_tenant_of_the_user(services: Services, person: Callable[..., User]) -> None:
    ana = person("ana", tenant="north")
    job = services.jobs.create_user_job("nothing", None, ana.id)
    assert job.owner == Owner(user_id=ana.id, tenant="north")
    assert services.queries.jobs.get_visible(Viewer(user_id=ana.id, tenant="north"), job.id) == job


def test_a_copy_belongs_to_the_owner_that_is_given(services: Services) -> None:
    old = services.jobs.create_user_job("nothing", None, uuid4())
    assert services.jobs.run_again(old.id).owner == old.owner
    assert services.jobs.run_again(old.id, owner=Owner(tenant="north")).owner == Owner(tenant="north")


def test_a_payload_can_be_an_instance_of_its_class(services: Services, upload: StoredFile) -> None:
    described = Upload(name="sheet.csv", size=4, sha256=upload.sha256)
    job = services.jobs.create_job("sheet", Sheet(amount=2, file=described), files={"file": upload})
    assert job.payload["amount"] == 2


def test_a_job_is_created_without_redis(engine: Engine, database_url: str, tmp_path: object) -> None:
    url = f"unix://{tmp_path}/missing.sock"
    services = Services(load(data_dir=tmp_path, database_url=database_url, redis_url=url, secret_key="k" * 32), engine)
    job = services.jobs.create_system_job("maintenance", public=False)
    assert services.jobs.get(job.id).status is Status.QUEUED
    assert services.wake_ups.workers_alive("default") == 0


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_a_payload_that_no_database_can_store_is_rejected(services: Services, database: str, text: str) -> None:
    class Named(BaseModel):
        name: str
        more: dict[str, list[str]] = {}

    @job_type("named", title="Named")
    def named(job: object, payload: Named) -> None:
        """Do nothing."""

    services.registry.add(named)
    for values in ({"name": text}, {"name": "a", "more": {"b": [text]}}, {"name": "a", "more": {text: []}}):
        with pytest.raises(InvalidPayload) as refused:
            services.jobs.create_job("named", values)
        assert "Text cannot contain" in str(refused.value)
    assert count(services, jobs) == [0]


def test_the_ids_of_jobs_grow_with_time(services: Services) -> None:
    before = datetime.now(UTC)
    first, second = services.jobs.create_job("nothing"), services.jobs.create_job("nothing")
    assert first.id < second.id
    assert abs((first.created_at - before).total_seconds()) < 600
