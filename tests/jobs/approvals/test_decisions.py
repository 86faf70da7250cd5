from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.jobs.approvals.conftest import Ask
from webapp.db.engine import writing
from webapp.fault_injection import Fault, arm
from webapp.jobs.approvals.decisions import NotWaitingForApproval, OwnJob
from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, NotApproved, Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.store import transitions
from webapp.jobs.store.job_store import StaleJob
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def events(services: Services, job: Job) -> list[tuple[str, str]]:
    return [(event.name, event.detail) for event in services.queries.jobs.timeline(job.id)]


def test_an_approved_job_is_queued_and_says_by_whom(services: Services, ask: Ask) -> None:
    job, boss = ask(), uuid4()
    assert (job.status, job.waits_for_approval) == (Status.HELD, True)
    approved = services.jobs.approve(job.id, by=boss, version=job.version)
    assert (approved.status, approved.approval, approved.version) == (Status.QUEUED, "approved", job.version + 2)
    assert services.queries.jobs.timeline(job.id)[-1].actor_id == boss
    assert events(services, job) == [("created", ""), ("approval_given", "")]


def test_a_rejected_job_is_cancelled_with_the_reason(services: Services, ask: Ask) -> None:
    job = ask()
    rejected = services.jobs.reject(job.id, " The wrong\nmonth ", by=uuid4())
    assert (rejected.status, rejected.approval, rejected.cancel_kind) == (Status.CANCELLED, "rejected", "rejected")
    assert rejected.message == "The wrong month"
    assert events(services, job)[1:] == [("approval_refused", "The wrong month"), ("cancelled", "")]


def test_only_payloads_for_which_the_function_says_so_wait(services: Services, ask: Ask) -> None:
    assert ask(99).status is Status.QUEUED
    ids = services.jobs.create_many("payment", [{"amount": 1}, {"amount": 100}])
    assert [services.jobs.get(job_id).status for job_id in ids] == [Status.QUEUED, Status.HELD]


def test_nobody_approves_what_they_started_own_or_edited(services: Services, ask: Ask) -> None:
    owner, starter, editor = uuid4(), uuid4(), uuid4()
    job = ask(owner=owner, triggered_by=starter)
    services.job_editor.edit(job.id, JobEdit(payload={"amount": 500}), by=editor)
    for person in (owner, starter, editor):
        with pytest.raises(OwnJob, match=r"you started, own or edited it\.$"):
            services.jobs.approve(job.id, by=person)
        with pytest.raises(OwnJob):
            services.jobs.reject(job.id, "No", by=person)
    assert services.jobs.get(job.id).waits_for_approval


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (lambda jobs, job, boss: jobs.approve(job.id, by=boss), "was already approved"),
        (lambda jobs, job, boss: jobs.reject(job.id, "No", by=boss), "was already rejected"),
        (lambda jobs, job, _: jobs.cancel(job.id), "was stopped before it was approved"),
    ],
)
def test_a_decision_is_made_once(services: Services, ask: Ask, end: Callable[..., object], sentence: str) -> None:
    job, boss = ask(), uuid4()
    end(services.jobs, job, boss)
    before = services.jobs.get(job.id), events(services, job)
    for decide in (lambda: services.jobs.approve(job.id, by=boss), lambda: services.jobs.reject(job.id, "No", by=boss)):
        with pytest.raises(NotWaitingForApproval, match=sentence):
            decide()
    assert (services.jobs.get(job.id), events(services, job)) == before


@pytest.mark.dialect(both=True)
def test_of_two_decisions_at_once_one_is_made(services: Services, ask: Ask) -> None:
    for _ in range(5):
        job = ask()

        def decide(reason: str, job: Job = job) -> str:
            try:
                if reason:
                    services.jobs.reject(job.id, reason, by=uuid4())
                else:
                    services.jobs.approve(job.id, by=uuid4())
            except NotWaitingForApproval:
                return "refused"
            return "done"

        with ThreadPoolExecutor(4) as pool:
            decided = list(pool.map(decide, ["", "No", "", "Never"]))
        assert sorted(decided) == ["done", "refused", "refused", "refused"]
        names = [name for name, _ in events(services, job)]
        assert names in (["created", "approval_given"], ["created", "approval_refused", "cancelled"])


def test_a_decision_after_its_day_is_refused(services: Services, ask: Ask, overdue: Callable[[Job], None]) -> None:
    job = ask()
    overdue(job)
    with pytest.raises(NotWaitingForApproval, match="until its time was over"):
        services.jobs.approve(job.id, by=uuid4())
    assert services.jobs.get(job.id).waits_for_approval


def test_a_job_that_needs_none_cannot_be_approved(services: Services, make: Make) -> None:
    with pytest.raises(NotWaitingForApproval, match="needs no approval"):
        services.jobs.approve(make().id, by=uuid4())


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 201])
def test_a_rejection_needs_a_short_reason(services: Services, ask: Ask, reason: str) -> None:
    job = ask()
    with pytest.raises(BadRequest, match="reason"):
        services.jobs.reject(job.id, reason, by=uuid4())
    assert services.jobs.get(job.id) == job


def test_an_edit_must_be_seen_before_it_is_approved(services: Services, ask: Ask) -> None:
    seen = ask()
    services.job_editor.edit(seen.id, JobEdit(payload={"amount": 5000}), by=uuid4())
    with pytest.raises(StaleJob):
        services.jobs.approve(seen.id, by=uuid4(), version=seen.version)
    assert services.jobs.get(seen.id).waits_for_approval


def test_an_edit_of_the_input_withdraws_an_approval_or_asks_for_one(services: Services, ask: Ask) -> None:
    approved, small, scheduled = ask(), ask(1), ask(run_at=LATER)
    services.jobs.approve(approved.id, by=uuid4())
    services.jobs.approve(scheduled.id, by=uuid4())
    assert services.jobs.get(scheduled.id).status is Status.SCHEDULED
    for job in (approved, small, scheduled):
        services.job_editor.edit(job.id, JobEdit(payload={"amount": 9999}))
        assert services.jobs.get(job.id).waits_for_approval
    services.job_editor.edit(small.id, JobEdit(payload={"amount": 2}))
    assert services.jobs.get(small.id).waits_for_approval


def test_nothing_else_starts_a_job_that_waits_or_was_not_approved(services: Services, ask: Ask, lease: UUID) -> None:
    waiting, rejected, stopped = ask(), ask(), ask()
    services.jobs.reject(rejected.id, "No", by=uuid4())
    services.jobs.cancel(stopped.id)
    jobs_before = [services.jobs.get(job.id) for job in (waiting, rejected, stopped)]
    for job in jobs_before:
        with pytest.raises(IllegalTransition):
            services.jobs.retry(job.id)
        with pytest.raises(NotApproved):
            services.jobs.change(job.id, lambda found: found.mark_queued())
        with pytest.raises(NotApproved):
            services.jobs.persist(replace(job, status=Status.QUEUED))
        with writing(services.engine) as connection:
            for move in (transitions.released, transitions.reopened):
                statement = move.update(Status.QUEUED).where(jobs.c.id == job.id)
                assert connection.execute(statement).rowcount == 0
    services.jobs.retry_many([job.id for job in jobs_before])
    services.admin_jobs.run_next(waiting.id)
    assert services.claims.claim("default", lease, fresh=True) is None
    assert [services.jobs.get(job.id).status for job in jobs_before] == [job.status for job in jobs_before]


def test_dependents_and_key_are_waited_for_after_the_approval(
    services: Services, ask: Ask, running: Make, make: Make
) -> None:
    first = make(unique_key="k")
    after, keyed = ask(after=[first.id]), ask(unique_key="k", on_duplicate="queue_after")
    for job in (after, keyed):
        assert services.jobs.approve(job.id, by=uuid4()).status is Status.HELD
    services.jobs.cancel(first.id)
    assert services.jobs.get(after.id).status is Status.CANCELLED
    assert services.jobs.get(keyed.id).status is Status.QUEUED


def test_a_job_without_approval_stays_held_when_its_predecessor_ends(services: Services, ask: Ask, make: Make) -> None:
    first = make()
    job = ask(after=[first.id], on_finish=True)
    services.jobs.cancel(first.id)
    assert services.jobs.get(job.id).waits_for_approval
    assert services.jobs.approve(job.id, by=uuid4()).status is Status.QUEUED


def test_a_rejected_child_counts_at_its_root_and_an_approved_one_starts(
    services: Services, ask: Ask, running: Make
) -> None:
    del ask
    root = running()
    children = [services.jobs.create_child_job(root.id, "payment", {"amount": amount}) for amount in (1, 500, 600)]
    services.jobs.change(root.id, lambda job: job.mark_completed())
    statuses = [services.jobs.get(child.id).status for child in children]
    assert statuses == [Status.QUEUED, Status.HELD, Status.HELD]
    assert services.jobs.approve(children[1].id, by=uuid4()).status is Status.QUEUED
    services.jobs.reject(children[2].id, "No", by=uuid4())
    assert services.jobs.get(root.id).parts_cancelled == 1
    late = services.jobs.create_child_job(root.id, "payment", {"amount": 700})
    assert late.waits_for_approval


def test_a_root_whose_only_other_child_was_rejected_cannot_be_retried(
    services: Services, ask: Ask, running: Make
) -> None:
    del ask
    root = running()
    child = services.jobs.create_child_job(root.id, "payment", {"amount": 500})
    services.jobs.change(root.id, lambda job: job.mark_completed())
    services.jobs.reject(child.id, "No", by=uuid4())
    ended = services.jobs.get(root.id)
    assert ended.is_finished
    with pytest.raises(NotApproved):  # it would wait for ever for a child that may not run
        services.jobs.retry(root.id)
    services.jobs.retry_many([root.id])
    assert services.jobs.get(root.id) == ended


def test_children_of_a_job_that_is_rejected_end_with_it(services: Services, ask: Ask) -> None:
    root = ask()
    child = services.jobs.create_child_job(root.id, "nothing")
    services.jobs.reject(root.id, "No", by=uuid4())
    assert services.jobs.get(child.id).status is Status.CANCELLED


def test_a_copy_needs_an_approval_of_its_own(services: Services, ask: Ask) -> None:
    job = ask()
    services.jobs.approve(job.id, by=uuid4())
    services.jobs.cancel(job.id)
    assert services.jobs.retry(job.id).status is Status.QUEUED
    assert services.jobs.run_again(job.id).waits_for_approval
    assert services.jobs.run_again(ask(5).id).status is Status.QUEUED


def test_a_decision_that_fails_before_its_commit_leaves_nothing(services: Services, ask: Ask, tmp_path: Path) -> None:
    job = ask()
    for name in ("approve.commit", "reject.commit", "approve.wake"):
        (tmp_path / name).write_text("raise")
    arm(tmp_path)
    try:
        with pytest.raises(Fault):
            services.jobs.approve(job.id, by=uuid4())
        with pytest.raises(Fault):
            services.jobs.reject(job.id, "No", by=uuid4())
        assert services.jobs.get(job.id) == job
        assert events(services, job) == [("created", "")]
        with pytest.raises(Fault):
            services.jobs.approve(job.id, by=uuid4())
    finally:
        arm(None)
    assert services.jobs.get(job.id).status is Status.QUEUED, "the clock wakes a worker for it"


def test_the_job_of_a_schedule_waits_too(services: Services, ask: Ask) -> None:
    del ask
    draft = ScheduleDraft(name="Monthly", rule="0 3 1 * *", zone="UTC")
    schedule = services.schedules.add("payment", {"amount": 800}, draft)
    services.schedule_runner.run_now(schedule)
    [job] = services.queries.all_jobs.newest(1, type_name="payment")
    assert job.waits_for_approval
    assert services.jobs.approve(job.id, by=uuid4()).status is Status.QUEUED
