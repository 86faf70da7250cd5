"""Run by hand, and rehearse: one job in this process, and a run of which nothing comes."""

import time
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import Nothing
from webapp.accounts.accounts import Accounts
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.inline import WorkerOnly
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.maintenance.pruner import Pruner
from webapp.jobs.model.job import IllegalTransition, Job, Owner, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, leases, metadata
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Kind = Callable[..., Job]


@pytest.fixture
def kind(services: Services) -> Kind:
    """Create a job of a handler."""

    def create(handler: Callable[..., Any], payload: Any = None, **rules: Any) -> Job:
        services.registry.add(job_type("handled", title="Handled", replaces=True, **rules)(handler))
        return services.jobs.create_job("handled", payload)

    return create


def talkative(job: JobContext, payload: Nothing) -> None:
    job.progress(done=3, total=7, message="on")
    job.warn("odd")
    job.logger.info("a line")
    job.save_state({"row": 3})
    job.save_metadata({"a": 1})
    job.attach("a.txt", b"abc")
    with job.open_attachment("b.txt") as file:
        file.write(b"12345")
    job.spawn("nothing")
    job.after("nothing")
    assert list(job.track(range(3))) == [0, 1, 2]
    assert list(job.batches(lambda start, count: range(start, start + count), 5, size=2)) == [0, 1, 2, 3, 4]


def everything(services: Services) -> dict[str, Any]:
    """Read every row of every table, and every file with its hash."""
    with reading(services.engine) as connection:
        rows = {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}
    paths = set(services.files.root.rglob("*"))
    return {**rows, "paths": paths, "hashes": {p: sha256(p.read_bytes()).hexdigest() for p in paths if p.is_file()}}


def test_one_waiting_job_is_run_here_ahead_of_all_others(services: Services, kind: Kind) -> None:
    job = kind(talkative)
    first = services.jobs.create_job("nothing", priority=900)
    services.queues.pause("default")
    done = services.run_inline(job.id)
    assert (done.id, done.status, done.parts) == (job.id, Status.WAITING, 1)
    assert services.jobs.get(first.id).status is Status.QUEUED
    assert services.queries.jobs.attempts(job.id)[0].worker.startswith("by hand")
    with reading(services.engine) as connection:
        assert connection.execute(select(leases.c.id)).all() == []


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.QUEUED}))
def test_only_a_waiting_job_is_run_here(services: Services, make: Kind, status: Status) -> None:
    job = make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status=status.value))
    with pytest.raises(IllegalTransition, match=f"is {status} and cannot become running"):
        services.run_inline(job.id)
    assert services.jobs.get(job.id) == Job(**{**vars_of(job), "status": status})


def vars_of(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__slots__}


def test_a_limit_holds_for_what_is_run_by_hand(services: Services, kind: Kind, lease: UUID) -> None:
    services.queues.limit("default", 0)
    job = kind(talkative)
    with pytest.raises(BadRequest, match="cannot start now"):
        services.run_inline(job.id)
    assert services.jobs.get(job.id) == job


def test_what_must_run_in_a_worker_is_refused_here(services: Services, kind: Kind) -> None:
    job = kind(talkative, worker_only=True)
    for refused in (lambda: services.run_inline(job.id), lambda: services.dry_run(job.id, print)):
        with pytest.raises(WorkerOnly, match="run only in a worker"):
            refused()
    assert services.jobs.get(job.id) == job


def test_a_record_and_a_missing_job_are_refused(services: Services, make: Kind) -> None:
    with pytest.raises(BadRequest, match="record-only"):
        services.run_inline(make(dispatch=False).id)
    with pytest.raises(JobNotFound):
        services.run_inline(uuid4())
    with pytest.raises(JobNotFound):
        services.dry_run(uuid4(), print)


def test_interrupted_at_the_keyboard_it_waits_again(services: Services, kind: Kind) -> None:
    def interrupted(job: JobContext, payload: Nothing) -> None:
        job.progress(10)
        raise KeyboardInterrupt

    job = kind(interrupted)
    with pytest.raises(KeyboardInterrupt):
        services.run_inline(job.id)
    after = services.jobs.get(job.id)
    assert (after.status, after.lease_id) == (Status.QUEUED, None)
    assert services.queries.jobs.attempts(job.id)[0].outcome == "interrupted"


def test_a_lease_that_is_taken_away_ends_what_is_run_by_hand(services: Services, kind: Kind) -> None:
    services.settings = services.settings.model_copy(update={"lease_seconds": 2.0})

    def robbed(job: JobContext, payload: Nothing) -> None:
        for lease_id in services.leases.beats():
            services.leases.settle(lease_id, why="gone", hand_back=True)
        time.sleep(900)

    after = services.run_inline(kind(robbed).id)
    assert after.status is Status.QUEUED


@pytest.mark.parametrize("status", list(Status))
def test_a_rehearsal_shows_all_and_changes_nothing_in_any_status(
    services: Services, kind: Kind, status: Status
) -> None:
    job = kind(talkative)
    services.files.receive(BytesIO(b"there"), "there.txt")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status=status.value))
    before, shown = everything(services), []
    assert services.dry_run(job.id, shown.append) is True
    assert everything(services) == before
    assert shown[:8] == [
        "progress: 42.86 % (3 of 7)",
        "message: on",
        "warning: odd",
        "info: a line",
        'state: {"row": 3}',
        'metadata: {"a": 1}',
        "file: a.txt, 3 bytes, text/plain",
        "file: b.txt, 5 bytes, text/plain",
    ]
    assert "then: nothing" in shown
    assert shown[-2:] == ["part: nothing, Nothing", "It would be completed."]


def test_a_rehearsal_that_fails_says_why(services: Services, kind: Kind) -> None:
    def fails(job: JobContext, payload: Nothing) -> None:
        raise JobError("The sheet has no rows.")

    def breaks(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    job, shown = kind(fails), []
    before = everything(services)
    assert services.dry_run(job.id, shown.append) is False
    services.registry.add(job_type("handled", title="Handled", replaces=True)(breaks))
    assert services.dry_run(job.id, shown.append) is False
    assert shown[0] == "It would fail: The sheet has no rows."
    assert "Traceback" in shown[1]
    assert shown[2] == "It would fail: ValueError: broken"
    assert everything(services) == before


def test_what_a_handler_would_write_by_itself_is_refused(services: Services, kind: Kind) -> None:
    def adds(job: JobContext, payload: Nothing, accounts: Accounts) -> None:
        accounts.add("eve", "a long enough password", role="user")

    def removes(job: JobContext, payload: Nothing, pruner: Pruner) -> None:
        pruner.sweep_orphans()
        pruner.prune()

    for handler in (adds, removes):
        job, shown = kind(handler), []
        before = everything(services)
        assert services.dry_run(job.id, shown.append) is False
        assert shown[-1] == "It wanted to write to the database by itself, which a rehearsal refuses."
        assert everything(services) == before


def test_a_rehearsal_in_the_name_of_somebody_who_is_gone_fails(services: Services, kind: Kind) -> None:
    services.registry.add(job_type("handled", title="Handled", replaces=True)(talkative))
    job, shown = services.jobs.create_job("handled", owner=Owner(user_id=uuid4())), []
    assert services.dry_run(job.id, shown.append) is False
    assert "missing or disabled" in shown[0]
