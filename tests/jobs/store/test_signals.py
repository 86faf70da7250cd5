"""Signals: exactly one per transition, after its commit, with real jobs on both databases."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.conftest import HOLDER, LOCATION, Nothing, run_once
from tests.jobs.statements import recorded
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.jobs.store import signals
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
NAMES = ("created", "started", "progressed", "completed", "failed", "cancelled", "stale", "retrying")
Heard = list[tuple[str, Job]]
Run = Callable[..., Job]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Listen to all signals; collect them with their jobs."""
    received: Heard = []

    def listener(name: str) -> Callable[..., None]:
        return lambda _, job: received.append((name, job))

    listeners = {name: listener(name) for name in NAMES}
    for name, listening in listeners.items():
        getattr(signals, f"job_{name}").connect(listening)
    yield received
    for name, listening in listeners.items():
        getattr(signals, f"job_{name}").disconnect(listening)


def names(heard: Heard, job_id: UUID | None = None) -> list[str]:
    return [name for name, job in heard if job_id in {None, job.id}]


def test_a_job_that_completes_is_created_started_and_completed(run: Run, heard: Heard) -> None:
    job = run(_nothing)
    assert names(heard) == ["created", "started", "completed"]
    assert heard[-1][1] == job, "as it is after the commit"
    assert heard[1][1].status is Status.RUNNING


def _nothing(job: JobContext, payload: Nothing) -> None:
    """Do nothing."""


def test_progress_is_signalled_while_a_job_runs(run: Run, heard: Heard) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(50, message="half")
        job.save_state({})

    run(handler)
    assert names(heard) == ["created", "started", "progressed", "completed"]
    assert (heard[2][1].progress, heard[2][1].message) == (50.0, "half")


def test_a_failure_is_signalled_once_with_its_error(run: Run, heard: Heard) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise JobError("no")

    run(handler)
    assert names(heard) == ["created", "started", "failed"]
    assert heard[-1][1].errors[-1]["text"] == "no"


def test_a_scheduled_retry_is_signalled_once(run: Run, services: Services, heard: Heard, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise ValueError("once more")

    run(handler, max_attempts=2)
    assert names(heard) == ["created", "started", "retrying"]
    promote_due(services.engine)
    assert names(heard) == ["created", "started", "retrying"]


def test_stops_and_retries_by_users_are_signalled(make: Run, services: Services, heard: Heard) -> None:
    job = make()
    services.jobs.cancel(job.id)
    services.jobs.retry(job.id)
    services.jobs.cancel_many([job.id])
    assert names(heard) == ["created", "cancelled", "retrying", "cancelled"]


def test_being_queued_is_not_signalled(make: Run, services: Services, heard: Heard) -> None:
    first = make()
    held = make(after=[first.id])
    make(delay=timedelta(0))
    promote_due(services.engine)
    assert names(heard) == ["created"] * 3
    services.jobs.cancel(first.id)
    assert names(heard, held.id) == ["created", "cancelled"]


def test_a_root_and_its_children_are_signalled_once_each(
    run: Run, services: Services, heard: Heard, lease: UUID
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.spawn("nothing")

    root = run(handler)
    while services.claims.has_claimable("default"):
        run_once(services, "default", lease)
    assert names(heard, root.id) == ["created", "started", "progressed", "completed"]
    for child in services.queries.related.children(root.id):
        assert names(heard, child.id) == ["created", "started", "completed"]
    assert heard[-1][1].progress == 100.0


def test_the_stopped_children_of_a_failed_root_are_signalled(run: Run, services: Services, heard: Heard) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.flush_children()
        raise ValueError("broken")

    root = run(handler)
    [child] = services.queries.related.children(root.id)
    assert names(heard, child.id) == ["created", "cancelled"]
    assert names(heard, root.id) == ["created", "started", "failed"]


def test_a_reopened_root_is_signalled_once(run: Run, services: Services, heard: Heard, lease: UUID) -> None:
    def fails(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    services.registry.add(job_type("fails", title="Fails")(fails))
    root = run(spawning("fails", "fails"))
    while services.claims.has_claimable("default"):
        run_once(services, "default", lease)
    heard.clear()
    services.jobs.retry(root.id)
    assert [name for name in names(heard, root.id) if name != "progressed"] == ["retrying"]
    assert names(heard).count("retrying") == 3


def spawning(*kinds: str) -> Callable[[JobContext, Nothing], None]:
    def handler(job: JobContext, payload: Nothing) -> None:
        for kind in kinds:
            job.spawn(kind)

    return handler


@pytest.mark.parametrize(
    ("choices", "settled", "expected"),
    [
        ({"max_attempts": 2}, {"worker_gone": True}, "retrying"),
        ({}, {"worker_gone": True}, "stale"),
        ({}, {}, "failed"),
        ({}, {"hand_back": True}, "retrying"),
    ],
)
def test_the_rescue_of_a_job_is_signalled(
    running: Run, services: Services, heard: Heard, lease: UUID, choices: Any, settled: Any, expected: str
) -> None:
    running(**choices)
    heard.clear()
    services.leases.settle(lease, why="gone", **settled)
    assert names(heard) == [expected]


def test_the_signal_of_the_end_tells_whether_the_job_has_warnings(run: Run, heard: Heard) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.warn("Row 2 was skipped.")

    run(handler)
    [completed] = [job for name, job in heard if name == "completed"]
    assert completed.done_with_warnings
    assert completed.warnings[0]["text"] == "Row 2 was skipped."


def test_a_change_by_application_code_is_signalled(make: Run, services: Services, heard: Heard) -> None:
    job = make(dispatch=False)
    services.jobs.change(job.id, Job.mark_running)
    services.jobs.change(job.id, lambda job: job.with_progress(10))
    services.jobs.change(job.id, lambda job: job.with_metadata({"a": 1}))
    services.jobs.persist(services.jobs.get(job.id).mark_completed())
    assert names(heard) == ["created", "started", "progressed", "completed"]


def test_a_receiver_that_raises_is_logged_and_changes_nothing(
    run: Run, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str, job: Job) -> None:
        raise ValueError("broken receiver")

    with signals.job_completed.connected_to(broken):
        job = run(_nothing)
    assert job.status is Status.COMPLETED
    assert "broken receiver" in caplog.text
    assert names(heard)[-1] == "completed", "other receivers are still called"


def test_a_receiver_sees_the_committed_job_and_can_change_jobs(make: Run, services: Services) -> None:
    seen = []

    def follow(_: str, job: Job) -> None:
        seen.append(services.jobs.get(job.id).status)
        if job.title == "Nothing":
            services.jobs.create_job("nothing", title="Second")

    with signals.job_created.connected_to(follow):
        make()
    assert seen == [Status.QUEUED, Status.QUEUED]


def test_a_receiver_can_listen_to_one_type(make: Run, services: Services) -> None:
    services.registry.add(job_type("other", title="Other")(_nothing))
    received = []

    def listening(name: str, job: Job) -> None:
        received.append(name)

    signals.job_created.connect(listening, sender="other")
    make()
    services.jobs.create_job("other")
    signals.job_created.disconnect(listening)
    assert received == ["other"]


def test_a_rolled_back_change_is_not_signalled(services: Services, make: Run, heard: Heard) -> None:
    job = make()
    heard.clear()
    with pytest.raises(BadRequest), writing(services.engine) as connection:
        signals.send_after_commit(connection, signals.job_cancelled, [job.id])
        raise BadRequest("undone")
    assert heard == []


def test_a_change_that_is_rolled_back_to_a_savepoint_is_not_signalled(
    services: Services, make: Run, heard: Heard
) -> None:
    first, second = make(), make()
    heard.clear()
    with writing(services.engine) as connection:
        signals.send_after_commit(connection, signals.job_cancelled, [first.id])
        with pytest.raises(BadRequest), connection.begin_nested():
            signals.send_after_commit(connection, signals.job_cancelled, [second.id])
            raise BadRequest("undone")
    assert [job.id for _, job in heard] == [first.id]


def test_without_receivers_no_job_is_read(services: Services, make: Run, lease: UUID, heard: Heard) -> None:
    def run_one() -> list[str]:
        make()
        with recorded(services.engine) as sent:
            claimed = services.claims.claim("default", lease, fresh=True)
            services.executor.run(claimed, LOCATION)
        return [statement for statement, _ in sent]

    with_receivers = run_one()
    before = [getattr(signals, f"job_{name}").receivers.copy() for name in NAMES]
    for name in NAMES:
        getattr(signals, f"job_{name}").receivers.clear()
    try:
        without_receivers = run_one()
    finally:
        for name, receivers in zip(NAMES, before, strict=True):
            getattr(signals, f"job_{name}").receivers.update(receivers)
    assert len(with_receivers) == len(without_receivers) + 1, "one query, for the end; the claim has returned the job"


def test_each_job_is_signalled_once_with_many_threads(services: Services, make: Run, heard: Heard) -> None:
    ids = [make().id for _ in range(20)]

    def work() -> None:
        mine = services.leases.open(HOLDER, "default")
        while job := services.claims.claim("default", mine, fresh=True):
            services.jobs.change(job.id, Job.mark_completed)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job_id in ids:
        assert names(heard, job_id) == ["created", "started", "completed"]
