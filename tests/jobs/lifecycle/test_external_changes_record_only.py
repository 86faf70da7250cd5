"""Record-only jobs: no worker runs them; application code changes their rows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr

from tests.jobs.conftest import run_once
from tests.jobs.row_invariants import verified
from tests.jobs.statements import plan_of, recorded
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.maintenance.rescue import LeaseRescuer
from webapp.jobs.model.job import NO_QUEUE, BadRequest, IllegalTransition, Job, Status
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.model.secret_mask import MASK
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


@pytest.fixture
def record(make: Make) -> Job:
    return make(dispatch=False)


def names(services: Services, job: Job) -> list[str]:
    return [event.name for event in services.queries.jobs.timeline(job.id)]


def test_no_worker_claims_it_or_is_woken(
    services: Services, monkeypatch: pytest.MonkeyPatch, make: Make, lease: UUID
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(services.wake_ups, "_push", lambda queue, _count: woken.append(queue))
    record = make(dispatch=False)
    assert (record.status, record.record_only, record.queue) == (Status.QUEUED, True, NO_QUEUE)
    for queue in ("default", NO_QUEUE):
        assert services.claims.claim(queue, lease, fresh=True) is None
        assert not services.claims.has_claimable(queue)
    assert top_up_wake_ups(services.engine, lambda queue, rows: woken.append(queue) or 0) == {}
    services.jobs.cancel(record.id)
    services.jobs.retry(record.id)
    services.jobs.run_again(record.id)
    assert woken == []


def test_the_application_changes_it_step_by_step(services: Services, record: Job) -> None:
    started = services.jobs.change(record.id, Job.mark_running)
    assert (started.attempt, started.started_at is None, started.lease_id) == (1, False, None)
    half = services.jobs.change(record.id, lambda job: job.with_progress_from_amounts(1, 2).with_message("half"))
    assert half.heartbeat_at >= started.heartbeat_at
    ended = services.jobs.change(record.id, Job.mark_completed)
    assert (ended.status, ended.progress, ended.finished_at is None) == (Status.COMPLETED, 100.0, False)
    assert names(services, record) == ["created", "started", "completed"]


def test_its_error_has_a_time(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    failed = services.jobs.change(record.id, lambda job: job.mark_failed(["The line was cut."]))
    [error] = failed.errors
    assert error["text"] == "The line was cut."
    assert error["at"].endswith("+00:00")


def test_it_is_not_rescued_while_it_runs(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    rescuer = LeaseRescuer(services.leases, 0.0)
    assert [rescuer.rescue(), rescuer.rescue()] == [0, 0]
    assert services.jobs.get(record.id).status is Status.RUNNING


def test_the_first_stop_is_a_request_and_the_second_one_cancels_it(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    asked = services.jobs.cancel(record.id)
    assert (asked.status, asked.cancel_requested_at is None) == (Status.RUNNING, False)
    ended = services.jobs.cancel(record.id)
    assert (ended.status, ended.cancel_kind) == (Status.CANCELLED, "forced")


def test_its_dependents_start_when_it_has_completed(services: Services, record: Job, make: Make, lease: UUID) -> None:
    second = make(after=[record.id])
    services.jobs.change(record.id, Job.mark_running)
    services.jobs.change(record.id, Job.mark_completed)
    assert run_once(services, "default", lease).id == second.id


def test_a_record_waits_for_its_children(services: Services, record: Job, lease: UUID) -> None:
    services.jobs.change(record.id, Job.mark_running)
    own = services.jobs.create_child_job(record.id, "nothing", dispatch=False)
    other = services.jobs.create_child_job(record.id, "nothing")
    assert {own.status, other.status} == {Status.HELD}
    assert services.jobs.change(record.id, Job.mark_completed).status is Status.WAITING
    assert run_once(services, "default", lease).id == other.id
    services.jobs.change(own.id, Job.mark_running)
    services.jobs.change(own.id, Job.mark_completed)
    root = services.jobs.get(record.id)
    assert (root.status, root.parts, root.parts_completed) == (Status.COMPLETED, 2, 2)


@pytest.mark.parametrize("end", [Job.mark_completed, Job.mark_failed, Job.mark_cancelled, Job.mark_stale])
def test_a_root_that_waits_for_its_children_is_not_ended_by_a_change(
    services: Services, record: Job, end: Callable[[Job], Job]
) -> None:
    services.jobs.change(record.id, Job.mark_running)
    child = services.jobs.create_child_job(record.id, "nothing")
    services.jobs.change(record.id, Job.mark_completed)
    with pytest.raises(IllegalTransition):
        services.jobs.change(record.id, end)
    assert services.jobs.get(child.id).status is Status.QUEUED
    assert services.jobs.cancel(record.id).status is Status.CANCELLED
    assert verified(services.engine) == []


def test_a_failed_record_stops_its_held_children(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    child = services.jobs.create_child_job(record.id, "nothing")
    services.jobs.change(record.id, Job.mark_failed)
    assert services.jobs.get(child.id).status is Status.CANCELLED


def test_lost_children_are_no_progress(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    first, *others = (services.jobs.create_child_job(record.id, "nothing", dispatch=False) for _ in range(3))
    services.jobs.change(record.id, Job.mark_completed)
    for child, ends in ((first, Job.mark_completed), *((other, Job.mark_stale) for other in others)):
        services.jobs.change(child.id, Job.mark_running)
        services.jobs.change(child.id, ends)
    root = services.jobs.get(record.id)
    assert (root.status, root.progress, root.parts_failed, root.parts_stale) == (Status.FAILED, 33.33, 2, 2)
    assert verified(services.engine) == []
    services.jobs.change(others[0].id, Job.mark_queued)
    again = services.jobs.get(record.id)
    assert (again.status, again.progress, again.parts_failed, again.parts_stale) == (Status.WAITING, 33.33, 1, 1)
    assert verified(services.engine) == []


def test_a_child_that_runs_again_is_counted_again(services: Services, record: Job) -> None:
    services.jobs.change(record.id, Job.mark_running)
    child = services.jobs.create_child_job(record.id, "nothing", dispatch=False)
    services.jobs.change(record.id, Job.mark_completed)
    services.jobs.change(child.id, Job.mark_running)
    services.jobs.change(child.id, Job.mark_failed)
    assert services.jobs.get(record.id).status is Status.FAILED
    services.jobs.change(child.id, Job.mark_queued)
    root = services.jobs.get(record.id)
    assert (root.status, root.parts_failed) == (Status.WAITING, 0)


class Dial(BaseModel):
    """A payload with a secret."""

    pin: SecretStr = SecretStr("open sesame")


def dial(job: JobContext, payload: Dial) -> None:
    """Do nothing."""


def test_secrets_of_its_payload_are_masked_in_what_the_application_writes(services: Services) -> None:
    services.registry.add(job_type("dial", title="Dial")(dial))
    record = services.jobs.create_job("dial", dispatch=False)
    notes = [{"text": "no open sesame", "key": "k", "parameters": {"pin": "open sesame"}}]

    def step(job: Job) -> Job:
        changed = job.mark_running().with_message("dialling open sesame").with_metadata({"url": "?pin=open%20sesame"})
        return changed.with_warnings(notes).with_errors(notes).with_state({"pin": "open sesame"})

    changed = services.jobs.change(record.id, step)
    assert changed.message == f"dialling {MASK}"
    assert changed.metadata == {"url": f"?pin={MASK}"}
    assert [note["text"] for note in (*changed.warnings, *changed.errors)] == [f"no {MASK}"] * 2
    assert changed.warnings[0]["parameters"] == {"pin": MASK}
    assert changed.state == {"pin": "open sesame"}, "the job needs it"
    failed = services.jobs.persist(changed.mark_failed(["open sesame was refused"]))
    assert failed.errors[-1]["text"] == f"{MASK} was refused"


@pytest.mark.parametrize("choice", [{"delay": timedelta(hours=1)}, {"after": [UUID(int=1)]}])
def test_it_cannot_have_a_start_condition(make: Make, choice: Any) -> None:
    with pytest.raises(BadRequest, match="cannot start"):
        make(dispatch=False, **choice)


def test_an_ordinary_job_needs_a_queue(make: Make) -> None:
    with pytest.raises(BadRequest, match="queue must be the name of a queue"):
        make(queue="")


def test_run_again_creates_another_record(services: Services, record: Job) -> None:
    again = services.jobs.run_again(record.id)
    assert (again.record_only, again.queue) == (True, NO_QUEUE)


def test_it_has_no_queue_and_no_place_in_one(services: Services, record: Job) -> None:
    assert services.queries.estimates.place_in_queue(record) is None
    assert NO_QUEUE not in {queue.name for queue in services.queues.all()}
    assert services.queues.loads() == {}


def test_ten_thousand_records_cost_the_claim_nothing(services: Services, make: Make, lease: UUID) -> None:
    services.jobs.create_many("nothing", [{}] * 10_000, dispatch=False, priority=10_000)
    job = make()
    with recorded(services.engine) as sent:
        claimed = services.claims.claim("default", lease, fresh=True)
    assert claimed is not None
    assert claimed.id == job.id
    plan = plan_of(services.engine, *sent[0], as_if_large=True)
    assert "ix_jobs_claim" in plan
    assert "queue" in plan.split("ix_jobs_claim", 1)[1], "it begins at its queue, past all records"


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (lambda job: job.with_state({"x": "y" * 70_000}), "The state of a job must be at most 65536 bytes of JSON"),
        (lambda job: job.with_metadata({"x": object()}), "The metadata of a job must be JSON"),
        (lambda job: job.with_metadata({"x": float("nan")}), "The metadata of a job must be JSON"),
        (lambda job: job.with_warnings([{"no": "text"}]), "a text or a mapping with a text"),
    ],
)
def test_values_that_no_database_can_store_are_rejected(
    services: Services, record: Job, step: Callable[[Job], Job], sentence: str
) -> None:
    with pytest.raises(NotStorable, match=sentence):
        services.jobs.change(record.id, lambda job: step(job).mark_running())
    with pytest.raises(NotStorable, match=sentence):
        services.jobs.persist(step(record))
    assert services.jobs.get(record.id) == record


def test_diagnostics_above_the_limit_are_counted(services: Services, record: Job) -> None:
    noted = services.jobs.change(record.id, lambda job: job.with_warnings([f"w{number}" for number in range(250)]))
    assert (len(noted.warnings), noted.warnings[-1]["text"]) == (200, "… and 51 more.")
