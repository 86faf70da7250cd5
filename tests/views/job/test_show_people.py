"""Who started a job for whom, and where it runs, for the users who may see it."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.execution.leases import Holder
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.jobs.store import events
from webapp.services import Services

Put = Callable[..., Job]
Client = Callable[[User], FlaskClient]


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture
def olga(person: Callable[..., User]) -> User:
    return person("olga", role="operator", full_name="Olga Ivanova")


@pytest.fixture
def for_ana(put: Put, services: Services, user: User, olga: User) -> Job:
    """A job that olga started for ana."""
    job = put(Status.COMPLETED, triggered_by=olga.id)
    with writing(services.engine) as connection:
        events.insert(connection, events.rows_of([job], EventName.CREATED, actor_id=olga.id))
    return job


def test_a_job_that_somebody_started_for_its_owner_names_both(
    client: FlaskClient, client_of: Client, admins: FlaskClient, olga: User, for_ana: Job
) -> None:
    page = f"/jobs/{for_ana.id}"
    assert "Created by Olga Ivanova for Ana Ruiz" in text_of(admins.get(page).text)
    assert "Created by you for Ana Ruiz" in text_of(client_of(olga).get(page).text)
    assert "Created by another user for you" in text_of(client.get(page).text)
    assert "Olga Ivanova for Ana Ruiz" in text_of(admins.get("/admin/jobs").text)
    assert "Another user for you" in text_of(client.get("/jobs").text)


@pytest.mark.parametrize("end", ["", "/_live"])
def test_the_owner_is_named_also_after_an_update(admins: FlaskClient, put: Put, end: str) -> None:
    assert "Owner Ana Ruiz" in text_of(admins.get(f"/jobs/{put(Status.RUNNING).id}{end}").text)


def test_a_job_of_the_person_who_started_it_names_one(admins: FlaskClient, put: Put, user: User, olga: User) -> None:
    put(Status.COMPLETED, triggered_by=user.id)
    put(Status.COMPLETED, owner=Owner(), triggered_by=olga.id)
    page = text_of(admins.get("/admin/jobs").text)
    assert " for Ana Ruiz" not in page
    assert "for the system" not in page


@pytest.mark.parametrize(("role", "sees"), [("user", False), ("auditor", True), ("operator", True), ("admin", True)])
def test_the_worker_of_a_running_job_is_shown_to_those_who_see_all_jobs(
    client_of: Client, person: Callable[..., User], put: Put, services: Services, role: str, *, sees: bool
) -> None:
    lease = services.leases.open(Holder(host="build-3", boot_id="b", worker="w-1", pid=4711), "default")
    reader = person("reader", role=role)
    job = put(Status.RUNNING, owner=Owner(public=True), lease_id=lease)
    for address in (f"/jobs/{job.id}", f"/jobs/{job.id}/_live"):
        page = text_of(client_of(reader).get(address).text)
        assert ("Runs on build-3, worker w-1, process 4711" in page) is sees


def test_a_job_that_does_not_run_has_no_worker(admins: FlaskClient, put: Put) -> None:
    for status in Status:
        assert 'id="location"' not in admins.get(f"/jobs/{put(status).id}").text


def test_the_audit_log_names_for_whom_a_job_was_retried(
    admins: FlaskClient, client: FlaskClient, client_of: Client, olga: User, put: Put, user: User, services: Services
) -> None:
    theirs, own = put(Status.FAILED), put(Status.FAILED)
    client_of(olga).post(f"/jobs/{theirs.id}/retry")
    client.post(f"/jobs/{own.id}/retry")
    page = admins.get("/admin/audit?action=job_retry").text
    lines = [text_of(line) for line in re.findall(r'<tr id="line-.*?</tr>', page, re.DOTALL)]
    assert len(lines) == 2
    assert [" for ana" in line for line in lines] == [False, True]
    assert "olga Operator for ana" in lines[1]
