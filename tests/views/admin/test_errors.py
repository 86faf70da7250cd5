from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.views.admin.links import shown
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import audit
from webapp.services import Services

InsertEnded = Callable[..., Job]


@pytest.fixture
def error(insert_ended: InsertEnded, update_metrics: Callable[[], None], services: Services) -> str:
    """Insert two jobs that failed with the same error; return its fingerprint."""
    for minutes in (5, 90):
        insert_ended(Status.FAILED, minutes, "Row 3 has no sku.", max_attempts=1)
    update_metrics()
    return services.metrics.errors.page()[0].fingerprint


def lines(services: Services) -> list[Mapping[str, Any]]:
    with reading(services.engine) as connection:
        return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]


def test_errors_are_listed_with_their_details(operator: FlaskClient, error: str) -> None:
    page = operator.get("/admin/errors").text
    assert shown(page) == 1
    assert "Row 3 has no sku." in page
    detail = operator.get(f"/admin/errors/{error}").text
    link = f"/admin/jobs?children=1&amp;error={error}"
    for words in ("Occurrences</dt><dd>2</dd>", "Users affected", link, "Retry all 2 failed jobs"):
        assert words in detail


def test_a_list_without_errors_says_so(operator: FlaskClient) -> None:
    assert "No open errors" in operator.get("/admin/errors").text
    assert "No errors match these filters" in operator.get("/admin/errors?state=resolved").text
    assert operator.get("/admin/errors/0000000000000000").status_code == 404


@pytest.mark.parametrize("state", ["resolved", "ignored"])
def test_an_error_is_resolved_or_ignored_and_reopened(
    operator: FlaskClient, error: str, services: Services, state: str
) -> None:
    answer = operator.post(f"/admin/errors/{error}/{state}")
    assert (answer.status_code, answer.location) == (303, f"/admin/errors/{error}")
    assert shown(operator.get("/admin/errors").text) == 0
    assert shown(operator.get(f"/admin/errors?state={state}").text) == 1
    assert "by you" in operator.get(f"/admin/errors/{error}").text
    operator.post(f"/admin/errors/{error}/open")
    assert shown(operator.get("/admin/errors").text) == 1
    first, _ = lines(services)
    assert (first["actor"], first["object_id"]) == ("olga", error)
    assert (first["before"], first["after"]) == ({"state": "open"}, {"state": state})


def test_all_jobs_with_an_error_are_retried_after_a_confirmation_with_their_number(
    operator: FlaskClient, error: str, services: Services
) -> None:
    assert "Retry 2 jobs?" in operator.get(f"/admin/errors/{error}/retry").text
    assert f'hx-get="/admin/errors/{error}/retry" hx-target="#dialog"' in operator.get(f"/admin/errors/{error}").text
    assert operator.post(f"/admin/errors/{error}/retry").status_code == 303
    assert services.metrics.errors.count_retriable(error) == 0
    assert lines(services)[-1]["action"] == "error_retry"
    assert "No failed jobs have this error." in operator.get(f"/admin/errors/{error}/retry").text


def test_many_jobs_with_an_error_are_retried_by_a_background_job(
    operator: FlaskClient, error: str, services: Services, insert_ended: InsertEnded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.errors._AT_ONCE", 1)
    other = insert_ended(Status.FAILED, 5, "Out of paper", max_attempts=1)
    assert "This runs as a separate job" in operator.get(f"/admin/errors/{error}/retry").text
    answer = operator.post(f"/admin/errors/{error}/retry")
    assert services.metrics.errors.count_retriable(error) == 2, "not yet"
    job_id = UUID(answer.headers["Location"].rpartition("/")[2])
    services.run_inline(job_id)
    assert services.jobs.get(job_id).message == "2 done, 0 skipped"
    assert services.metrics.errors.count_retriable(error) == 0
    assert services.jobs.get(other.id).status is Status.FAILED
    assert (lines(services)[-1]["action"], lines(services)[-1]["after"]) == ("error_retry", {"jobs": 2})


def test_jobs_of_a_restricted_type_are_not_retried(
    operator: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None], services: Services
) -> None:
    job = insert_ended(Status.FAILED, 5, "Row 3 has no name.", max_attempts=1, type="user_import")
    update_metrics()
    error = services.metrics.errors.page()[0].fingerprint
    operator.post(f"/admin/errors/{error}/retry")
    assert services.jobs.get(job.id).status is Status.FAILED
    assert lines(services)[-1]["after"] == {"jobs": 0}
    assert "1 job was skipped." in operator.get(f"/admin/errors/{error}").text


def test_an_auditor_sees_why_actions_are_disabled(auditor: FlaskClient, error: str) -> None:
    page = auditor.get(f"/admin/errors/{error}").text
    assert "disabled" in page
    assert "Only operators and admins can do this." in page
    assert auditor.post(f"/admin/errors/{error}/resolved").status_code == 403
    assert auditor.get(f"/admin/errors/{error}/retry").status_code == 403


def test_the_error_message_of_a_restricted_type_is_hidden(
    auditor: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None]
) -> None:
    insert_ended(Status.FAILED, 5, "Password hunter2 is too short.", type="user_import")
    update_metrics()
    page = auditor.get("/admin/errors").text
    assert "hunter2" not in page
    assert "permission to see this error message" in page


def test_an_unchanged_list_is_not_sent_again(operator: FlaskClient, error: str) -> None:
    tag = operator.get("/admin/errors/_live").headers["HX-PTag"]
    again = operator.get("/admin/errors/_live", headers={"HX-PTag": tag})
    assert again.status_code == 304 or again.headers["HX-PTag"] != tag  # "5 min ago" may have moved on


def test_errors_are_paged(
    operator: FlaskClient,
    insert_ended: InsertEnded,
    update_metrics: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.views.admin.errors.PAGE", 2)
    for words in ("one", "two", "three"):
        insert_ended(Status.FAILED, 5, words)
    update_metrics()
    page = operator.get("/admin/errors").text
    assert shown(page) == 2
    older = page.split('pager__older" href="')[1].split('"')[0].replace("&amp;", "&")
    assert shown(operator.get(older).text) == 1
