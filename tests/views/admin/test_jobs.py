import csv
from collections.abc import Callable
from io import StringIO
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.views.admin.links import shown, total
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

InsertEnded = Callable[..., Job]


def count_listed(client: FlaskClient, query: str) -> int:
    page = client.get(f"/admin/jobs?{query}").text
    assert total(page) == shown(page)
    return shown(page)


@pytest.fixture
def mixed_jobs(
    insert_ended: InsertEnded, put: Callable[..., Job], person: Callable[..., User], update_metrics: Callable[[], None]
) -> None:
    ben = person("ben")
    put(Status.QUEUED, queue="slow")
    put(Status.QUEUED, queue="slow", owner=Owner(user_id=ben.id))
    put(Status.QUEUED, owner=Owner(), type="other")
    insert_ended(Status.FAILED, 5, "Row 3 has no sku.")
    insert_ended(Status.FAILED, 90, "Row 8 has no sku.", owner=Owner(user_id=ben.id))
    insert_ended(Status.COMPLETED, 300, owner=Owner(user_id=ben.id))
    update_metrics()


@pytest.mark.usefixtures("mixed_jobs")
def test_all_jobs_can_be_filtered_by_every_criterion(operator: FlaskClient, services: Services, database: str) -> None:
    (error,) = services.metrics.errors.page()
    hour = services.queries.jobs.now().replace(minute=0, second=0, microsecond=0).isoformat().replace("+", "%2B")
    expected = {
        "": 6,
        "queue=slow": 2,
        "status=queued": 3,
        "status=queued&queue=slow": 2,
        "status=queued&tab=failed": 3,
        "status=stale": 0,
        "status=nonsense": 6,
        "owner=ben": 3,
        "owner=system": 1,
        "owner=ben&queue=slow": 1,
        "owner=ben&tab=failed": 1,
        "owner=ben&type=report": 3,
        "owner=nobody": 0,
        "type=other": 1,
        "worker=w-1": 3,
        "worker=w-2": 0,
        f"error={error.fingerprint}": 2,
        f"error={error.fingerprint}&owner=ben": 1,
        "error=0000000000000000": 0,
        "q=sku": 2,
        "tab=failed": 2,
        f"ended_until={hour}&tab=done": 1,
        "ended_since=2020-01-01T00:00:00Z": 3,
        "ended_since=2020-01-01T00:00:00Z&tab=failed&owner=ben": 1,
        "ended_since=nonsense": 6,
    }
    assert {query: count_listed(operator, query) for query in expected} == expected


def test_many_finished_jobs_are_found_in_batches(
    operator: FlaskClient, insert_ended: InsertEnded, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr("webapp.views.job_list.filter._MANY_JOBS", 1)
    for minutes in (1, 2, 60 * 24 * 4):
        insert_ended(Status.COMPLETED, minutes)
    since = "2020-01-01T00:00:00Z"
    assert count_listed(operator, f"tab=done&ended_since={since}") == 3
    assert count_listed(operator, f"tab=done&ended_since={since}&ended_until=2020-02-01T00:00:00Z") == 0


def test_the_csv_has_all_matching_jobs_and_no_formulas(
    operator: FlaskClient, insert_ended: InsertEnded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.jobs._BATCH", 2)
    for _ in range(4):
        insert_ended(Status.FAILED, 5, "=HYPERLINK(1)", title="+cmd")
    insert_ended()
    answer = operator.get("/admin/jobs.csv?tab=failed")
    assert answer.headers["Content-Disposition"] == "attachment; filename=jobs.csv"
    head, *rows = csv.reader(StringIO(answer.text))
    assert len(rows) == 4
    found = dict(zip(head, rows[0], strict=True))
    assert (found["title"], found["error"]) == ("'+cmd", "'=HYPERLINK(1)")
    assert (found["status"], found["owner"]) == ("failed", "Ana Ruiz")


def test_an_auditor_sees_jobs_without_actions(auditor: FlaskClient, insert_ended: InsertEnded) -> None:
    insert_ended()
    page = auditor.get("/admin/jobs").text
    assert shown(page) == 1
    assert "Delete…" not in page


@pytest.mark.usefixtures("mixed_jobs")
def test_a_bulk_action_on_all_matches_uses_the_filter(operator: FlaskClient, services: Services) -> None:
    page = operator.get("/admin/jobs?queue=slow&owner=ben").text
    newest_id = page.split('name="newest" value="')[1][:36]
    fields = {"list": "admin", "queue": "slow", "owner": "ben", "newest": newest_id, "all": "1"}
    question = operator.get("/jobs/act/stop", query_string=fields).text
    assert "1 job" in question
    answer = operator.post("/jobs/act/stop", data=fields)
    job = services.jobs.get(UUID(answer.location.rsplit("/", 1)[1]))
    assert (job.type, job.payload["queue"]) == ("bulk_action", "slow")
    assert job.payload["owner"] == str(services.accounts.by_name("ben").id)


def test_a_user_cannot_act_on_the_jobs_of_others(
    user: User, person: Callable[..., User], client_of: Callable[[User], FlaskClient], put: Callable[..., Job]
) -> None:
    other = put(Status.QUEUED, owner=Owner(user_id=person("ben").id))
    fields = {"list": "admin", "owner": "ben", "id": str(other.id)}
    client = client_of(user)
    assert client.get("/jobs/act/stop", query_string=fields).status_code == 200
    client.post("/jobs/act/stop", data=fields)
    assert client.get(f"/jobs/{other.id}").status_code == 404
