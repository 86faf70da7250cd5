"""To which jobs a bulk action applies, and for whom."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from webapp.jobs.lifecycle.bulk_actions import BulkAction, find_objection, sort_by_fit
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy, Objection

ANA = JobPolicy(user_id=uuid4())
OPERATOR = JobPolicy(user_id=uuid4(), sees_all=True, acts_on_all=True)
JOB = Job(
    id=uuid4(),
    type="report",
    title="Report",
    status=Status.QUEUED,
    owner=Owner(user_id=ANA.user_id),
    shared_with="Finance",
)
STOPPED_FROM = {Status.HELD, Status.SCHEDULED, Status.QUEUED, Status.RUNNING, Status.WAITING}
RETRIED_FROM = {Status.FAILED, Status.CANCELLED, Status.STALE}
ENDED = {*RETRIED_FROM, Status.COMPLETED}
FITS = {
    BulkAction.STOP: STOPPED_FROM,
    BulkAction.RETRY: RETRIED_FROM,
    BulkAction.RUN_AGAIN: ENDED,
    BulkAction.DELETE: ENDED,
    BulkAction.SHARE: set(Status),
    BulkAction.UNSHARE: set(Status),
}


@pytest.mark.parametrize("action", BulkAction)
def test_each_action_applies_to_some_statuses_and_names_the_reason_otherwise(action: BulkAction) -> None:
    for status in Status:
        fits = find_objection(action, replace(JOB, status=status), ANA) is None
        assert fits is (status in FITS[action]), status


@pytest.mark.parametrize("action", BulkAction)
def test_users_act_on_their_own_jobs_and_operators_on_all(action: BulkAction) -> None:
    job = replace(JOB, status=Status.RUNNING if action is BulkAction.STOP else Status.FAILED)
    public = replace(job, owner=Owner(public=True))
    assert (
        find_objection(action, job, JobPolicy(user_id=uuid4()))
        is find_objection(action, public, ANA)
        is Objection.NOT_YOURS
    )
    assert find_objection(action, job, OPERATOR) is find_objection(action, public, OPERATOR) is None


def test_a_child_is_handled_with_its_root() -> None:
    child = replace(JOB, status=Status.FAILED, root_id=uuid4())
    assert (
        find_objection(BulkAction.DELETE, child, ANA)
        is find_objection(BulkAction.RUN_AGAIN, child, ANA)
        is Objection.PART
    )
    assert find_objection(BulkAction.RETRY, child, ANA) is None


def test_a_job_type_that_a_user_may_not_start_is_not_run_again() -> None:
    closed = replace(ANA, closed_types=frozenset({"report"}))
    failed = replace(JOB, status=Status.FAILED)
    assert (
        find_objection(BulkAction.RETRY, failed, closed)
        is find_objection(BulkAction.RUN_AGAIN, failed, closed)
        is Objection.CLOSED
    )
    assert find_objection(BulkAction.DELETE, failed, closed) is None


def test_a_stopping_job_is_not_asked_to_stop_again() -> None:
    asked = replace(JOB, status=Status.RUNNING, cancel_requested_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert find_objection(BulkAction.STOP, asked, ANA) is Objection.STOPPING
    assert find_objection(BulkAction.STOP, replace(asked, record_only=True), ANA) is None, "no worker can end it"


def test_jobs_are_sorted_by_whether_an_action_applies() -> None:
    done = replace(JOB, id=uuid4(), status=Status.COMPLETED)
    found = sort_by_fit(BulkAction.STOP, [JOB, done, done], ANA)
    assert found.fit == (JOB,)
    assert found.reasons == {Objection.ENDED: 2}


def test_jobs_are_shared_with_own_groups_unless_they_show_what_their_owner_sees() -> None:
    member = replace(ANA, groups=frozenset({"Finance"}))
    share, unshare, private = BulkAction.SHARE, BulkAction.UNSHARE, replace(member, private_types=frozenset({"report"}))
    assert find_objection(share, JOB, member, group="Finance") is None
    assert find_objection(share, JOB, member, group="Sales") is Objection.NOT_IN_GROUP
    assert find_objection(share, JOB, replace(ANA, shares_with_all=True), group="Sales") is None
    assert find_objection(share, JOB, private, group="Finance") is Objection.PRIVATE_OUTPUT
    assert find_objection(unshare, JOB, private) is None
    assert find_objection(unshare, replace(JOB, shared_with=None), member) is Objection.NOT_SHARED
    child = replace(JOB, root_id=uuid4())
    assert find_objection(share, child, member) is find_objection(unshare, child, member) is Objection.PART
