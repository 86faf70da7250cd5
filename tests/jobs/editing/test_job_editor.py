from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr

from webapp.fault_injection import Fault, arm
from webapp.jobs.definition.job_type import InvalidPayload, job_type
from webapp.jobs.definition.payload import load_payload
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.editing.job_editor import NotEditable
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store.job_store import StaleJob
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]
LATER = datetime(2099, 1, 1, tzinfo=UTC)


class Letter(BaseModel):
    """A payload with a secret."""

    to: str
    copies: int = 1
    password: SecretStr | None = None


@pytest.fixture
def letter(services: Services) -> Callable[..., Job]:
    """Create a job with a title and a key that come from its payload."""
    declare = job_type("letter", title=lambda found: found.to, unique_key=lambda found: found.to)
    services.registry.add(declare(_write))
    return lambda to="ana", **payload: services.jobs.create_system_job("letter", {"to": to, **payload})


def event(services: Services, job: Job) -> tuple[str, str]:
    found = services.queries.jobs.timeline(job.id)[-1]
    return found.name, found.detail


def test_queue_priority_time_and_tags_of_a_waiting_job_change(services: Services, make: Make) -> None:
    services.queues.add("night")
    job = make()
    edit = JobEdit(queue="night", priority=7, run_at=LATER, tags=["Urgent"])
    before, after = services.job_editor.edit(job.id, edit)
    assert (before, after) == (job, services.jobs.get(job.id))
    assert (after.status, after.queue, after.priority, after.run_at) == (Status.SCHEDULED, "night", 7, LATER)
    assert (after.tags, after.version) == (("urgent",), job.version + 1)
    assert event(services, job) == ("edited", "queue, priority, run_at, tags")
    services.job_editor.edit(job.id, JobEdit(start_now=True))
    assert promote_due(services.engine) == 1
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_an_edit_that_changes_nothing_writes_nothing(services: Services, letter: Make) -> None:
    job = letter(password="s3cret")
    edit = JobEdit(payload={"to": "ana", "copies": 1}, priority=job.priority, queue=job.queue, tags=[], start_now=True)
    assert services.job_editor.edit(job.id, edit) == (job, job)
    assert services.jobs.get(job.id).version == job.version


def test_the_input_changes_with_its_title_and_key_and_keeps_secrets(services: Services, letter: Make) -> None:
    job = letter(password="s3cret")
    _, after = services.job_editor.edit(job.id, JobEdit(payload={"to": "bea", "copies": 2}))
    assert (after.title, after.unique_key, after.payload["copies"]) == ("bea", "bea", 2)
    assert after.payload["password"] == job.payload["password"]
    loaded: Any = load_payload(services.registry.get("letter"), after.payload, services.vault)
    assert loaded.password.get_secret_value() == "s3cret"
    assert event(services, job) == ("edited", "payload")


def test_input_that_is_not_valid_or_taken_changes_nothing(services: Services, letter: Make) -> None:
    job, _ = letter("ana"), letter("bea")
    for payload, error in (({"to": "ana", "copies": "x"}, InvalidPayload), ({"to": "bea"}, DuplicateJob)):
        with pytest.raises(error):
            services.job_editor.edit(job.id, JobEdit(payload=payload))
    assert services.jobs.get(job.id) == job


@pytest.mark.parametrize(
    ("edit", "error", "sentence"),
    [
        (JobEdit(queue="nowhere"), UnknownQueue, "no queue 'nowhere'"),
        (JobEdit(priority=10**9), BadRequest, "priority must be a whole number"),
        (JobEdit(tags=["a,b"]), BadRequest, "tags must be a list"),
        (JobEdit(run_at=LATER, start_now=True), BadRequest, "not both"),
        (JobEdit(run_at=datetime(2099, 1, 1)), BadRequest, "run_at must be"),  # noqa: DTZ001
        (JobEdit(version=99, priority=1), StaleJob, "has changed since version 99"),
    ],
)
def test_a_bad_edit_is_refused_in_one_sentence(
    services: Services, make: Make, edit: JobEdit, error: type[Exception], sentence: str
) -> None:
    job = make()
    with pytest.raises(error, match=sentence):
        services.job_editor.edit(job.id, edit)
    assert services.jobs.get(job.id) == job


def test_a_job_that_is_claimed_while_it_is_edited_is_not_changed(
    services: Services, make: Make, lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, claimed, edited = make(), [], services.job_editor._edited

    def edited_after_a_claim(*arguments: Any) -> Job:
        claimed.append(services.claims.claim("default", lease, fresh=True))
        return edited(*arguments)

    monkeypatch.setattr(services.job_editor, "_edited", edited_after_a_claim)
    with pytest.raises(NotEditable, match="has started or ended, so it cannot be edited any more"):
        services.job_editor.edit(job.id, JobEdit(tags=["late"]))
    assert services.jobs.get(job.id) == claimed[0]
    assert event(services, job)[0] == "started"
    with pytest.raises(NotEditable):
        services.job_editor.edit(job.id, JobEdit(priority=5))


def test_an_edit_that_fails_before_its_commit_leaves_nothing(services: Services, make: Make, tmp_path: Path) -> None:
    job = make()
    (tmp_path / "edit.commit").write_text("raise")
    arm(tmp_path)
    try:
        with pytest.raises(Fault):
            services.job_editor.edit(job.id, JobEdit(priority=7, tags=["late"]))
    finally:
        arm(None)
    assert services.jobs.get(job.id) == job
    assert event(services, job)[0] == "created"


def test_the_input_of_a_job_that_has_run_cannot_change(services: Services, running: Make) -> None:
    job = running()
    services.jobs.change(job.id, lambda current: current.mark_failed(["no"]))
    services.jobs.retry(job.id)
    with pytest.raises(BadRequest, match="has run before, so its input cannot change"):
        services.job_editor.edit(job.id, JobEdit(payload={}))
    assert services.job_editor.edit(job.id, JobEdit(run_at=LATER))[1].status is Status.SCHEDULED


@pytest.mark.parametrize(
    ("options", "why"), [({"listed": False}, "page of its own"), ({"asks_password": True}, "password")]
)
def test_the_input_of_types_that_no_form_starts_cannot_change(services: Services, options: Any, why: str) -> None:
    services.registry.add(job_type("sealed", title="Sealed", **options)(_write))
    job = services.jobs.create_system_job("sealed", {"to": "ana"})
    with pytest.raises(BadRequest, match=f"{why}.*input"):
        services.job_editor.edit(job.id, JobEdit(payload={"to": "bea"}))
    assert services.job_editor.edit(job.id, JobEdit(priority=7))[1].priority == 7


def test_a_job_that_waits_for_another_keeps_waiting_with_its_new_time(services: Services, make: Make) -> None:
    first = make()
    held = make(after=[first.id])
    _, after = services.job_editor.edit(held.id, JobEdit(run_at=LATER + timedelta(days=1)))
    assert (after.status, after.run_at) == (Status.HELD, LATER + timedelta(days=1))


def _write(job: JobContext, payload: Letter) -> None:
    """Do nothing."""
