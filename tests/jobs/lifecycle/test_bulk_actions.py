"""Which act fits which job, and for whom."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from webapp.jobs.lifecycle.bulk_actions import Action, Actor, Objection, objection, sort
from webapp.jobs.model.job import Job, Owner, Status

ANA = Actor(user_id=uuid4())
OPERATOR = Actor(user_id=uuid4(), on_all=True)
JOB = Job(id=uuid4(), type="report", title="Report", status=Status.QUEUED, owner=Owner(user_id=ANA.user_id))
STOPPED_FROM = {Status.HELD, Status.SCHEDULED, Status.QUEUED, Status.RUNNING, Status.WAITING}
RETRIED_FROM = {Status.FAILED, Status.CANCELLED, Status.STALE}
ENDED = {*RETRIED_FROM, Status.COMPLETED}
FITS = {Action.STOP: STOPPED_FROM, Action.RETRY: RETRIED_FROM, Action.RUN_AGAIN: ENDED, Action.DELETE: ENDED}


@pytest.mark.parametrize("action", Action)
def test_each_act_fits_some_statuses_and_says_why_not_the_others(action: Action) -> None:
    for status in Status:
        fits = objection(action, replace(JOB, status=status), ANA) is None
        assert fits is (status in FITS[action]), status


@pytest.mark.parametrize("action", Action)
def test_everybody_acts_on_the_own_jobs_and_operators_on_all(action: Action) -> None:
    job = replace(JOB, status=Status.RUNNING if action is Action.STOP else Status.FAILED)
    public = replace(job, owner=Owner(public=True))
    assert objection(action, job, Actor(user_id=uuid4())) is objection(action, public, ANA) is Objection.NOT_YOURS
    assert objection(action, job, OPERATOR) is objection(action, public, OPERATOR) is None


def test_a_part_goes_with_its_root() -> None:
    part = replace(JOB, status=Status.FAILED, root_id=uuid4())
    assert objection(Action.DELETE, part, ANA) is objection(Action.RUN_AGAIN, part, ANA) is Objection.PART
    assert objection(Action.RETRY, part, ANA) is None


def test_what_one_may_not_start_one_does_not_start_again() -> None:
    closed = replace(ANA, closed_types=frozenset({"report"}))
    failed = replace(JOB, status=Status.FAILED)
    assert objection(Action.RETRY, failed, closed) is objection(Action.RUN_AGAIN, failed, closed) is Objection.CLOSED
    assert objection(Action.DELETE, failed, closed) is None


def test_whoever_was_asked_to_stop_is_not_asked_twice() -> None:
    asked = replace(JOB, status=Status.RUNNING, cancel_requested_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert objection(Action.STOP, asked, ANA) is Objection.STOPPING
    assert objection(Action.STOP, replace(asked, record_only=True), ANA) is None, "nobody else could end it"


def test_jobs_are_sorted_by_whether_an_act_fits() -> None:
    done = replace(JOB, id=uuid4(), status=Status.COMPLETED)
    found = sort(Action.STOP, [JOB, done, done], ANA)
    assert found.fit == (JOB,)
    assert found.reasons == {Objection.ENDED: 2}
