from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.services import Services
from webapp.views.page.viewer_context import ViewerContext, viewer_context

Put = Callable[..., Job]
VIEWER, COLLEAGUE = uuid4(), uuid4()
OWN_JOBS = ViewerContext(
    policy=JobPolicy(user_id=VIEWER),
    now=datetime(2026, 11, 28, 10, 2, 11, tzinfo=UTC),
    zone=ZoneInfo("UTC"),
)
ALL_JOBS = replace(OWN_JOBS, policy=JobPolicy(user_id=VIEWER, sees_all=True), names={COLLEAGUE: "ana"})


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


def test_a_user_reads_the_names_of_those_who_share_with_their_groups(
    client_of: Callable[[User], FlaskClient], app: Flask, services: Services, person: Callable[..., User], put: Put
) -> None:
    ana, bo, cleo = person("alma"), person("bo"), person("cleo")
    group = services.user_groups.add("Finance")
    services.user_groups.add_member(group, bo.id)
    shared = put(owner=Owner(user_id=ana.id), shared_with="Finance")
    hidden = put(owner=Owner(user_id=cleo.id))
    people = (ana.id, cleo.id)
    app.add_url_rule("/names", "names", lambda: repr(viewer_context(people, [shared, hidden]).names))
    assert client_of(bo).get("/names").text == repr({ana.id: "alma"})
    assert client_of(cleo).get("/names").text == "{}"
    everybody = client_of(person("root", role="admin")).get("/names").text
    assert ("alma" in everybody, "cleo" in everybody) == (True, True)


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
