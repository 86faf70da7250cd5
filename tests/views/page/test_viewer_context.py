from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale

from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.views.page.viewer_context import ViewerContext

VIEWER, COLLEAGUE = uuid4(), uuid4()
OWN_JOBS = ViewerContext(
    policy=JobPolicy(user_id=VIEWER),
    now=datetime(2026, 11, 28, 10, 2, 11, tzinfo=UTC),
    zone=ZoneInfo("UTC"),
    names={COLLEAGUE: "ana"},
)
ALL_JOBS = replace(OWN_JOBS, policy=JobPolicy(user_id=VIEWER, sees_all=True))


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def test_a_label_stands_alone_and_a_name_within_a_sentence() -> None:
    assert [OWN_JOBS.label(VIEWER), OWN_JOBS.label(None)] == ["You", "System"]
    assert [OWN_JOBS.name(VIEWER), OWN_JOBS.name(None)] == ["you", "the system"]
    with force_locale("de"):
        assert [OWN_JOBS.label(VIEWER), OWN_JOBS.label(None)] == ["Sie", "System"]
        assert [OWN_JOBS.name(VIEWER), OWN_JOBS.name(None)] == ["Ihnen", "dem System"]


def test_only_a_viewer_of_all_jobs_reads_the_names_of_other_users() -> None:
    assert [OWN_JOBS.label(COLLEAGUE), OWN_JOBS.name(COLLEAGUE)] == ["Another user", "another user"]
    assert [ALL_JOBS.label(COLLEAGUE), ALL_JOBS.name(COLLEAGUE)] == ["ana", "ana"]


def test_a_job_for_another_user_names_both() -> None:
    job = Job(id=uuid4(), type="letters", title="Letters", status=Status.QUEUED, owner=Owner(user_id=COLLEAGUE))
    job = replace(job, triggered_by=uuid4())
    assert OWN_JOBS.on_behalf(job, "olga") == "olga for another user"
    assert ALL_JOBS.on_behalf(job, "olga") == "olga for ana"
    with force_locale("de"):
        assert OWN_JOBS.on_behalf(job, "olga") == "olga im Namen von einem anderen Benutzer"
        assert OWN_JOBS.on_behalf(replace(job, owner=Owner(user_id=VIEWER)), "olga") == "olga in Ihrem Namen"


def test_a_user_without_an_account_is_a_deleted_account() -> None:
    assert [ALL_JOBS.label(uuid4()), ALL_JOBS.name(uuid4())] == ["Deleted account", "a deleted account"]
