from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle.retry import RootHasEnded, UniqueKeyTaken
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.jobs.model.policies import RetryPolicy
from webapp.schema import jobs
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


def breaks(job: JobContext, payload: Nothing) -> None:
    job.save_state({"at": job.attempt})
    raise ValueError("broken")


def test_a_failed_attempt_is_scheduled_again_with_its_error(run: Run, services: Services) -> None:
    job = run(breaks, retry=RetryPolicy(max_attempts=3, delays=(timedelta(hours=5),), jitter=0))
    assert (job.status, job.attempt, job.state) == (Status.SCHEDULED, 1, {"at": 1})
    assert timedelta(hours=4) < job.run_at - services.queries.jobs.now() <= timedelta(hours=5)
    assert "broken" in job.errors[-1]["text"]
    assert services.queries.jobs.attempts(job.id)[0].outcome == "failed"


def test_the_last_attempt_fails_the_job(services: Services, lease: UUID) -> None:
    services.registry.add(job_type("flaky", title="Flaky", max_attempts=2)(breaks))
    job = services.jobs.create_job("flaky")
    run_once(services, "default", lease)
    due_now(services, job)
    ended = run_once(services, "default", lease)
    assert (ended.status, ended.attempt, ended.state) == (Status.FAILED, 2, {"at": 2})
    assert [attempt.number for attempt in services.queries.jobs.attempts(job.id)] == [1, 2]


def test_a_job_error_is_not_retried(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise JobError("The file has no column sku.")

    assert run(handler, max_attempts=5).status is Status.FAILED


def test_a_retry_continues_from_the_checkpoint(run: Run, services: Services, lease: UUID) -> None:
    failed = run(breaks)
    again = services.jobs.retry(failed.id)
    assert (again.status, again.state, again.finished_at, again.errors) == (Status.QUEUED, {"at": 1}, None, ())
    ended = run_once(services, "default", lease)
    assert (ended.id, ended.attempt) == (failed.id, 2)
    assert "retried" in [event.name for event in services.queries.jobs.timeline(failed.id)]


def reports(job: JobContext, payload: Nothing) -> None:
    job.progress(done=60, total=100, message="row 60 of 100")
    job.save_state({"row": 60})
    raise ValueError("broken")


def reported(job: Job) -> tuple[object, ...]:
    return job.progress, job.done, job.total, job.message, job.started_at


def test_a_retried_job_keeps_its_checkpoint_and_nothing_else_of_its_attempt(run: Run, services: Services) -> None:
    failed = run(reports)
    assert reported(failed)[:4] == (60.0, 60.0, 100.0, "row 60 of 100")
    again = services.jobs.retry(failed.id)
    assert (reported(again), again.state) == ((0.0, None, None, "", None), {"row": 60})


def test_an_automatic_retry_keeps_the_checkpoint_and_nothing_else_of_the_attempt(run: Run) -> None:
    job = run(reports, max_attempts=2)
    assert (job.status, reported(job), job.state) == (Status.SCHEDULED, (0.0, None, None, "", None), {"row": 60})


@pytest.mark.parametrize("hand_back", [True, False])
def test_a_rescued_job_keeps_its_checkpoint_and_nothing_else_of_its_attempt(
    services: Services, running: Run, lease: UUID, hand_back: bool
) -> None:
    job = running(max_attempts=2)
    with writing(services.engine) as connection:
        values = {"progress": 60.0, "done": 60, "total": 100, "message": "row 60 of 100", "state": {"row": 60}}
        connection.execute(update(jobs).values(**values))
    services.leases.settle(lease, why="Killed.", hand_back=hand_back)
    after = services.jobs.get(job.id)
    assert (after.status, reported(after), after.state) == (Status.QUEUED, (0.0, None, None, "", None), {"row": 60})


def test_a_record_only_job_that_is_queued_again_has_reported_nothing(services: Services, make: Run) -> None:
    job = make(dispatch=False)
    services.jobs.change(job.id, lambda it: it.mark_running().with_progress(60).with_message("row 60"))
    again = services.jobs.change(job.id, lambda it: it.mark_queued())
    assert reported(again) == (0.0, None, None, "", None)


@pytest.mark.parametrize("status", ["held", "queued", "scheduled", "running", "completed"])
def test_only_a_job_that_did_not_complete_is_retried(services: Services, make: Run, status: str) -> None:
    job = make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status))
    with pytest.raises(IllegalTransition):
        services.jobs.retry(job.id)


def test_a_retry_is_refused_while_the_unique_key_is_taken(make: Run, services: Services) -> None:
    first = make(unique_key="stock")
    services.jobs.cancel(first.id)
    holder = make(unique_key="stock")
    with pytest.raises(UniqueKeyTaken, match="'stock' is not finished") as refused:
        services.jobs.retry(first.id)
    assert refused.value.job_id == holder.id
    assert services.jobs.get(first.id).status is Status.CANCELLED


def test_retrying_a_root_runs_only_incomplete_children(run: Run, services: Services, lease: UUID) -> None:
    broken = {"is": True}

    def sometimes(job: JobContext, payload: Nothing) -> None:
        if broken["is"]:
            raise ValueError("broken")

    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.spawn("sometimes")

    services.registry.add(job_type("sometimes", title="Sometimes")(sometimes))
    made = run(root)
    run_once(services, "default", lease)
    run_once(services, "default", lease)
    assert services.jobs.get(made.id).status is Status.FAILED
    broken["is"] = False
    assert services.jobs.retry(made.id).status is Status.WAITING
    assert run_once(services, "default", lease).type == "sometimes"
    ended = services.jobs.get(made.id)
    assert (ended.status, ended.parts_completed, ended.parts_failed) == (Status.COMPLETED, 2, 0)


def test_retrying_a_child_reopens_its_root(run: Run, services: Services, lease: UUID) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("flaky")

    services.registry.add(job_type("flaky", title="Flaky")(breaks))
    made = run(root)
    child = run_once(services, "default", lease)
    services.jobs.retry(child.id)
    reopened = services.jobs.get(made.id)
    assert (reopened.status, reopened.finished_at, reopened.parts_failed) == (Status.WAITING, None, 0)


def test_run_again_creates_a_new_job_with_the_same_payload_and_files(services: Services) -> None:
    file = services.files.receive(BytesIO(b"a,b\n"), "table.csv")
    old = services.jobs.create_job("dataset_report", {"clean": True}, files={"file": file})
    new = services.jobs.run_again(old.id)
    assert (new.again_of, new.payload, new.status) == (old.id, old.payload, Status.QUEUED)
    [copy] = services.jobs.attachments(new.id)
    assert copy.id != file.id
    services.files.remove(file.id)
    with services.files.open(copy.id) as opened:
        assert opened.read() == b"a,b\n"


def test_run_again_has_the_policies_of_the_type_and_not_a_raised_priority(services: Services, lease: UUID) -> None:
    services.registry.add(job_type("flaky", title="Flaky", max_attempts=3, priority=150, own_process=True)(breaks))
    old = services.jobs.create_job("flaky")
    services.admin_jobs.set_priority(old.id, 9000)
    run_once(services, "default", lease)
    new = services.jobs.run_again(old.id)
    assert (new.priority, new.max_attempts, new.own_process, new.again_of) == (150, 3, True, old.id)


def due_now(services: Services, job: Job) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status="queued"))


@pytest.fixture
def failed_root(run: Run, services: Services, lease: UUID) -> Job:
    """A root whose handler has returned; one of its two children has failed."""

    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("breaks")
        job.spawn("nothing")

    services.registry.add(job_type("breaks", title="Breaks")(breaks))
    made = run(root)
    run_once(services, "default", lease)
    run_once(services, "default", lease)
    return services.jobs.get(made.id)


def test_a_root_and_its_child_that_are_retried_together_are_counted_once(
    failed_root: Job, services: Services, lease: UUID
) -> None:
    child = services.queries.related.children(failed_root.id)[0]
    services.jobs.retry_many([failed_root.id, child.id])
    again = services.jobs.get(failed_root.id)
    assert (again.status, again.parts_failed) == (Status.WAITING, 0)
    run_once(services, "default", lease)
    assert services.jobs.get(failed_root.id).parts_failed == 1


def test_a_reopened_root_has_the_progress_of_its_children(failed_root: Job, services: Services) -> None:
    assert failed_root.progress == 100.0
    services.jobs.retry(failed_root.id)
    assert services.jobs.get(failed_root.id).progress == 50.0


def test_a_child_is_not_retried_while_its_roots_key_is_taken(
    run: Run, services: Services, lease: UUID, make: Run
) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("breaks")

    services.registry.add(job_type("breaks", title="Breaks")(breaks))
    services.registry.add(job_type("root", title="Root")(root))
    services.jobs.create_job("root", unique_key="stock")
    run_once(services, "default", lease)
    child = run_once(services, "default", lease)
    make(unique_key="stock")
    with pytest.raises(UniqueKeyTaken, match="'stock' is not finished"):
        services.jobs.retry(child.id)
    assert services.jobs.get(child.id) == child


def test_a_root_whose_handler_failed_runs_it_again(run: Run, services: Services) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        raise ValueError("broken")

    made = run(root)
    [child] = services.queries.related.children(made.id)
    with pytest.raises(RootHasEnded, match=r"its own handler did not finish\.$"):
        services.jobs.retry(child.id)
    again = services.jobs.retry(made.id)
    assert (again.status, again.parts, again.parts_cancelled) == (Status.QUEUED, 0, 0)
    assert services.queries.related.children(made.id) == ()


def test_a_child_of_a_completed_root_is_not_retried(services: Services, lease: UUID) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("breaks")

    services.registry.add(job_type("breaks", title="Breaks")(breaks))
    services.registry.add(job_type("root", title="Root")(root))
    services.jobs.create_job("root", tolerant=True)
    run_once(services, "default", lease)
    child = run_once(services, "default", lease)
    with pytest.raises(RootHasEnded, match=r"it is completed\.$"):
        services.jobs.retry(child.id)
    assert services.jobs.get(child.id) == child


def test_retrying_many_jobs_skips_those_that_cannot_be_retried(make: Run, services: Services) -> None:
    first, other = make(unique_key="stock"), make()
    services.jobs.cancel_many([first.id, other.id])
    make(unique_key="stock")
    services.jobs.retry_many([first.id, other.id])
    assert services.jobs.get(first.id).status is Status.CANCELLED
    assert services.jobs.get(other.id).status is Status.QUEUED
