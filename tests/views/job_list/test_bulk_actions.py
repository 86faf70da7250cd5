"""Bulk actions of the list: confirmation, effect and summary."""

import html
import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.jobs.conftest import HOLDER
from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import audit
from webapp.services import Services

Put = Callable[..., Job]
DIALOG = {"HX-Request": "true"}


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def operators(client_of: Callable[[User], FlaskClient], person: Callable[..., User]) -> FlaskClient:
    return client_of(person("olga", role="operator"))


def words(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def ticked(*jobs: Job) -> dict[str, list[str]]:
    return {"id": [str(job.id) for job in jobs]}


def test_the_confirmation_says_what_happens_to_how_many_jobs(client: FlaskClient, put: Put) -> None:
    jobs = (put(Status.QUEUED), put(Status.RUNNING), put(Status.COMPLETED), put(owner=Owner(public=True)))
    confirmation = words(client.get("/jobs/act/stop", query_string=ticked(*jobs), headers=DIALOG).text)
    assert "Stop 2 jobs?" in confirmation
    assert "1 job has already finished and is skipped." in confirmation
    assert "1 job belongs to another user and is skipped." in confirmation


def test_an_action_applies_to_matching_jobs_and_skips_the_others(
    client: FlaskClient, put: Put, services: Services
) -> None:
    waiting, done = put(Status.QUEUED), put(Status.COMPLETED)
    answer = client.post("/jobs/act/stop", data={**ticked(waiting, done), "tab": "waiting", "q": "month"})
    assert (answer.status_code, answer.location) == (303, "/jobs?tab=waiting&q=month")
    assert services.jobs.get(waiting.id).status is Status.CANCELLED
    assert services.jobs.get(done.id) == done
    page_text = words(client.get("/jobs").text)
    assert "1 job was stopped or is stopping. 1 job was skipped." in page_text
    assert "was left as it is" not in client.get("/jobs").text, "it is said once"


@pytest.mark.parametrize(("action", "status"), [("retry", Status.FAILED), ("run_again", Status.COMPLETED)])
def test_selected_jobs_are_retried_or_run_again(
    client: FlaskClient, put: Put, services: Services, action: str, status: Status
) -> None:
    job = put(status)
    client.post(f"/jobs/act/{action}", data=ticked(job))
    again = services.jobs.get(job.id).status is Status.QUEUED
    made = len(services.queries.all_jobs.newest(5)) - 1
    assert (again, made) == ((True, 0) if action == "retry" else (False, 1))


def test_selected_jobs_are_deleted(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.FAILED)
    client.post("/jobs/act/delete", data=ticked(job))
    with pytest.raises(JobNotFound):
        services.jobs.get(job.id)


def test_jobs_of_other_users_are_skipped(
    client: FlaskClient, operators: FlaskClient, put: Put, services: Services, person: Callable[..., User]
) -> None:
    public, hidden = put(owner=Owner(public=True)), put(owner=Owner(user_id=person("ben").id))
    for job in (public, hidden):
        client.post("/jobs/act/stop", data=ticked(job))
        assert services.jobs.get(job.id).status is Status.QUEUED
    operators.post("/jobs/act/stop", data=ticked(public, hidden))
    assert services.jobs.get(hidden.id).status is Status.CANCELLED


def test_an_action_that_applies_to_no_job_is_disabled_with_the_reason(client: FlaskClient, put: Put) -> None:
    for query, reason in ((ticked(put(Status.COMPLETED)), "1 job is done"), ({}, "No jobs selected.")):
        page = client.get("/jobs/act/retry", query_string=query).text
        assert reason in page
        assert re.search(r"<button[^>]* disabled", page)


def test_an_unknown_action_is_not_found(client: FlaskClient) -> None:
    assert client.get("/jobs/act/explode").status_code == client.post("/jobs/act/explode").status_code == 404


def test_all_matching_jobs_are_handled_by_a_bulk_action_job(
    client: FlaskClient, put: Put, services: Services, run_jobs: Callable[..., int]
) -> None:
    failed = [put(Status.FAILED, title="Monthly report") for _ in range(3)]
    other = put(Status.FAILED, title="Weekly report")
    query = {"all": "1", "tab": "failed", "q": "monthly", "newest": str(other.id)}
    page = client.get("/jobs/act/delete", query_string=query).text
    assert "3 jobs match." in words(page)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    late = put(Status.FAILED, title="Monthly report")
    answer = client.post("/jobs/act/delete", data=fields)
    assert answer.status_code == 303
    run_jobs()
    [bulk] = services.queries.all_jobs.newest(1)
    assert answer.location == f"/jobs/{bulk.id}"
    assert bulk.status is Status.COMPLETED, bulk.errors
    left = {job.id for job in services.queries.all_jobs.newest(9)}
    assert left == {bulk.id, other.id, late.id}
    assert not left & {job.id for job in failed}


def test_scheduled_jobs_are_stopped_only_if_selected_explicitly(client: FlaskClient, put: Put) -> None:
    newest = put(Status.SCHEDULED)
    query = {"all": "1", "newest": str(newest.id)}
    assert "Also stop the 1 job scheduled for later" in words(client.get("/jobs/act/stop", query_string=query).text)
    assert "scheduled for later" not in words(client.get("/jobs/act/delete", query_string=query).text)


def test_a_stop_of_all_matching_jobs_goes_before_them(client: FlaskClient, put: Put, services: Services) -> None:
    running, waiting = put(Status.RUNNING), put(Status.QUEUED, priority=9_000)
    answer = client.post("/jobs/act/stop", data={"all": "1", "newest": str(waiting.id)})
    bulk = services.jobs.get(UUID(answer.location.rpartition("/")[2]))
    claimed = services.claims.claim("default", services.leases.open(HOLDER, "default"), fresh=True)
    assert claimed is not None
    assert claimed.id == bulk.id
    # running jobs may occupy every worker, so the request has asked them
    assert services.jobs.get(running.id).cancel_requested_at is not None
    assert services.jobs.get(waiting.id).status is Status.QUEUED


def test_a_stop_of_all_matching_roots_asks_their_running_child_jobs(
    client: FlaskClient, put: Put, services: Services
) -> None:
    root = put(Status.WAITING, parts=1)
    child = put(Status.RUNNING, root_id=root.id)
    client.post("/jobs/act/stop", data={"all": "1", "newest": str(child.id)})
    assert services.jobs.get(child.id).cancel_requested_at is not None


@pytest.mark.parametrize("tab", ["waiting", "running"])
def test_a_stop_of_waiting_jobs_asks_no_running_one(
    client: FlaskClient, put: Put, services: Services, tab: str
) -> None:
    running = put(Status.RUNNING)
    client.post("/jobs/act/stop", data={"all": "1", "newest": str(running.id), "tab": tab})
    assert (services.jobs.get(running.id).cancel_requested_at is not None) is (tab == "running")


def test_other_bulk_actions_take_their_turn(client: FlaskClient, put: Put, services: Services) -> None:
    done = put(Status.COMPLETED)
    answer = client.post("/jobs/act/delete", data={"all": "1", "newest": str(done.id)})
    assert services.jobs.get(UUID(answer.location.rpartition("/")[2])).priority == 100


def test_all_matching_jobs_without_the_newest_job_is_a_bad_request(client: FlaskClient) -> None:
    assert client.post("/jobs/act/delete", data={"all": "1"}).status_code == 400
    assert client.post("/jobs/act/delete", data={"all": "1", "newest": "x"}).status_code == 400


def test_bulk_actions_are_recorded_in_the_audit_log(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.QUEUED)
    client.post("/jobs/act/stop", data=ticked(job))
    with services.engine.connect() as connection:
        [line] = connection.execute(select(audit).where(audit.c.action == "jobs_bulk")).all()
    assert line.after == {"action": "stop", "jobs": [job.short_id]}


def test_the_list_offers_actions_and_all_matching_jobs(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs").text
    assert 'formaction="/jobs/act/delete"' in page
    assert 'name="all"' not in page, "it is ticked as fast"
    put(Status.COMPLETED)
    assert "All 2 matching jobs" in client.get("/jobs").text, "nobody ticks a page of them one by one"
    assert "All 2 matching jobs" in client.get("/jobs?q=report").text, "all were read"
    for _ in range(50):
        put(Status.COMPLETED)
    assert "All 52 matching jobs" in client.get("/jobs").text
    assert "All 52 matching jobs" in client.get("/jobs?whose=mine&when=7").text
    assert "All 52 matching jobs" in client.get("/jobs?type=report").text
    older = re.search(r'href="([^"]+)">Older', client.get("/jobs").text)[1]
    assert 'name="all"' not in client.get(html.unescape(older)).text, "there it would be all from there on"


def test_the_bulk_action_type_is_not_in_the_catalogue(client: FlaskClient) -> None:
    assert "bulk_action" not in client.get("/jobs/new").text
    assert client.get("/jobs/new/bulk_action").status_code == 404


@pytest.fixture
def finance(services: Services, user: User) -> str:
    """The group of `user`; there is another one, to which they do not belong."""
    services.user_groups.add("Sales")
    services.user_groups.add_member(services.user_groups.add("Finance"), user.id)
    return "Finance"


def test_selected_jobs_are_shared_with_a_group_and_with_none(
    client: FlaskClient, put: Put, services: Services, finance: str
) -> None:
    jobs, other = (put(Status.QUEUED), put(Status.COMPLETED)), put(owner=Owner(public=True))
    assert "Share…" in words(client.get("/jobs").text)
    dialog = client.get("/jobs/act/share", query_string=ticked(*jobs, other), headers=DIALOG).text
    assert "Share 2 jobs" in words(dialog)
    assert "1 job belongs to another user and is skipped." in words(dialog)
    assert re.findall(r'<option value="(\w*)">', dialog) == [finance, ""]
    client.post("/jobs/act/share", data={**ticked(*jobs, other), "group": finance})
    assert {services.jobs.get(job.id).shared_with for job in jobs} == {finance}
    assert services.jobs.get(other.id).shared_with is None
    assert "2 jobs are shared. 1 job was skipped." in words(client.get("/jobs").text)
    client.post("/jobs/act/share", data={**ticked(jobs[0]), "group": ""})
    assert [services.jobs.get(job.id).shared_with for job in jobs] == [None, finance]
    assert "1 job is no longer shared." in words(client.get("/jobs").text)
    with reading(services.engine) as connection:
        lines = connection.execute(select(audit.c.after).where(audit.c.action == "jobs_bulk").order_by(audit.c.id))
        shared, unshared = lines.scalars()
    assert (shared["action"], shared["group"], len(shared["jobs"])) == ("share", finance, 2)
    assert unshared["action"] == "unshare"


def test_jobs_are_not_shared_with_the_groups_of_others(
    client: FlaskClient, operators: FlaskClient, put: Put, services: Services, finance: str
) -> None:
    job = put(Status.QUEUED)
    for all_matching in ({}, {"all": "1", "newest": str(job.id)}):
        refused = client.post("/jobs/act/share", data={**ticked(job), "group": "Sales", **all_matching})
        assert (refused.status_code, "groups that you belong to" in refused.text) == (403, True)
    assert services.jobs.get(job.id).shared_with is None
    assert "Share…" not in operators.get("/admin/jobs").text
    assert "You belong to no group." in operators.get("/jobs/act/share", query_string=ticked(job)).text


def test_a_group_that_was_removed_is_said_in_the_list(
    client_of: Callable[[User], FlaskClient], admin: User, put: Put, services: Services
) -> None:
    job, admins = put(Status.QUEUED), client_of(admin)
    admins.post("/jobs/act/share", data={**ticked(job), "group": "Gone", "list": "admin"})
    assert "There is no group Gone." in words(admins.get("/admin/jobs").text)
    assert services.jobs.get(job.id).shared_with is None


def test_all_matching_jobs_are_shared_by_a_bulk_action_job(
    client: FlaskClient, put: Put, services: Services, run_jobs: Callable[..., int], finance: str
) -> None:
    failed, other = [put(Status.FAILED) for _ in range(2)], put(Status.COMPLETED)
    query = {"all": "1", "tab": "failed", "newest": str(other.id)}
    page = client.get("/jobs/act/share", query_string=query).text
    assert "Share all matching jobs" in words(page)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    answer = client.post("/jobs/act/share", data={**fields, "group": finance})
    assert answer.status_code == 303
    run_jobs()
    assert {services.jobs.get(job.id).shared_with for job in failed} == {finance}
    assert services.jobs.get(other.id).shared_with is None
    assert client.get(answer.location).status_code == 200
