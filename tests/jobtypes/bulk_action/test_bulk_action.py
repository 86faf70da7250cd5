"""A bulk action acts on all matching jobs with the permissions of its owner, and lists skipped jobs."""

import csv
from io import StringIO

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import Objection
from webapp.jobtypes import bulk_action
from webapp.jobtypes.bulk_action import checkpoint
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.schema import jobs, now

LATER = "ffffffff-ffff-7fff-bfff-ffffffffffff"


@pytest.fixture
def made(services, user):
    """Create jobs of ana, or of another owner, in a status."""

    def made(count: int, status: str, owner: Owner | None = None) -> list:
        ids = services.jobs.create_many("maintenance", [{}] * count, owner=owner or Owner(user_id=user.id))
        times = {"finished_at": now()} if status in {"completed", "failed", "cancelled"} else {}
        with writing(services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(status=status, **times))
        return list(ids)

    return made


@pytest.fixture
def acted(services):
    """Run a bulk action for a user; return the finished job."""

    def acted(person, action: BulkAction, **payload) -> Job:
        payload = {"action": action, "newest": LATER, **payload}
        job = services.jobs.create_user_job("bulk_action", payload, person.id, priority=1000)
        services.run_inline(job.id)
        return services.jobs.get(job.id)

    return acted


def statuses(services, ids) -> set[Status]:
    return {services.jobs.get(one).status for one in ids}


def listed(left_by, job) -> list[dict[str, str]]:
    return [row for text in left_by(job).values() for row in csv.DictReader(StringIO(text.decode()))]


def test_all_matching_jobs_are_acted_on_and_listed(services, admin, made, acted, left_by, database) -> None:
    failed, done = made(5, "failed", Owner()), made(1, "completed", Owner())
    job = acted(admin, BulkAction.RETRY, tab="failed")
    assert job.status is Status.COMPLETED, job.errors
    assert statuses(services, failed) == {Status.QUEUED}
    assert statuses(services, done) == {Status.COMPLETED}
    assert (job.message, job.done, job.total) == ("5 done, 0 skipped", 5, 5)
    rows = listed(left_by, job)
    assert {row["id"] for row in rows} == set(map(str, failed))
    assert {row["result"] for row in rows} == {"done"}


def test_skipped_jobs_are_counted_by_reason(services, user, made, acted, left_by, database) -> None:
    made(2, "completed")
    public = made(1, "queued", Owner(public=True))
    queued = made(3, "queued")
    job = acted(user, BulkAction.STOP)
    assert statuses(services, queued) == {Status.CANCELLED}
    assert statuses(services, public) == {Status.QUEUED}
    assert job.message == "3 done, 3 skipped"
    assert [note["text"] for note in job.warnings] == [
        f"2 skipped: {Objection.ENDED}",
        f"1 skipped: {Objection.NOT_YOURS}",
    ]
    assert sorted(row["reason"] for row in listed(left_by, job))[3:] == [Objection.ENDED] * 2 + [Objection.NOT_YOURS]


def test_an_auditor_acts_only_on_own_jobs(services, person, made, acted) -> None:
    auditor = person("aud", role="auditor")
    others, own = made(2, "failed"), made(1, "failed", Owner(user_id=auditor.id))
    acted(auditor, BulkAction.DELETE, tab="failed")
    assert statuses(services, others) == {Status.FAILED}
    assert services.queries.all_jobs.newest(9, owner_id=auditor.id)[-1].id != own[0]


def test_newer_jobs_and_scheduled_jobs_are_left_out(services, user, made, acted) -> None:
    old = made(2, "queued")
    scheduled, new = made(1, "scheduled"), made(1, "queued")
    acted(user, BulkAction.STOP, newest=str(scheduled[0]))
    assert statuses(services, old) == {Status.CANCELLED}
    assert statuses(services, [*scheduled, *new]) == {Status.SCHEDULED, Status.QUEUED}
    acted(user, BulkAction.STOP, newest=str(scheduled[0]), delayed=True)
    assert statuses(services, scheduled) == {Status.CANCELLED}


def test_a_bulk_action_continues_at_its_checkpoint(services, admin, made, acted, left_by, monkeypatch) -> None:
    monkeypatch.setattr(bulk_action, "BATCH", 2)
    monkeypatch.setattr(checkpoint, "LINES", 4)
    ids = made(11, "failed", Owner())
    job = acted(admin, BulkAction.RUN_AGAIN, tab="failed", newest=str(ids[-1]))
    assert job.message == "11 done, 0 skipped"
    assert sorted(left_by(job)) == ["jobs-1.csv", "jobs-2.csv", "jobs-3.csv"]
    assert {row["id"] for row in listed(left_by, job)} == set(map(str, ids))


def test_a_retry_after_a_crash_runs_no_job_again_twice(
    services, admin, made, acted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_action, "BATCH", 2)
    ids = made(6, "failed", Owner())
    act, calls = bulk_action.apply_bulk_action, []

    def crash(*arguments) -> None:
        act(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError("The machine trips.")

    monkeypatch.setattr(bulk_action, "apply_bulk_action", crash)
    job = acted(admin, BulkAction.RUN_AGAIN, tab="failed", newest=str(ids[-1]))
    assert job.status is Status.SCHEDULED, "it is tried again"
    monkeypatch.setattr(bulk_action, "apply_bulk_action", act)
    services.jobs.change(job.id, Job.mark_queued)
    services.run_inline(job.id)
    copies = [one.again_of for one in services.queries.all_jobs.newest(30) if one.again_of]
    assert sorted(copies) == sorted(ids)


def test_a_search_scans_more_rows_than_one_batch(services, admin, made, acted, monkeypatch) -> None:
    monkeypatch.setattr(bulk_action, "SCAN_LIMIT", 3)
    wanted = made(1, "failed", Owner())
    made(8, "completed", Owner())
    job = acted(admin, BulkAction.DELETE, text=str(wanted[0])[-8:])
    assert job.message == "1 done, 0 skipped"


def test_the_form_has_every_field_of_the_payload() -> None:
    with pytest.raises(ValidationError):
        BulkActionPayload()
    with pytest.raises(ValidationError):
        BulkActionPayload(action=BulkAction.STOP, status="asleep")
    with pytest.raises(ValidationError):
        BulkActionPayload(action="explode", newest=LATER)
