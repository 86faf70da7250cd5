from collections.abc import Callable
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.views.admin.links import numbers, shown, total
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.metrics import outcomes
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.schema import jobs, later
from webapp.services import Services

InsertEnded = Callable[..., Job]


@pytest.fixture
def seeded(
    database: str,
    insert_ended: InsertEnded,
    put: Callable[..., Job],
    update_metrics: Callable[[], None],
    requeue: Callable[[Job], None],
) -> None:
    """An installation with a day of history: some in the metrics, some not yet, and one retried since."""
    insert_ended, put = partial(insert_ended, type="maintenance"), partial(put, type="maintenance")
    for minutes in (0.1, 30, 61, 90, 300, 1200):
        insert_ended(minutes=minutes)
    for minutes, error in ((3, "Row 3 has no sku."), (70, "Row 4 has no sku."), (200, "Out of paper"), (700, "Lost")):
        insert_ended(Status.FAILED, minutes, error)
    again = insert_ended(Status.FAILED, 80, "Row 9 has no sku.")
    insert_ended(Status.STALE, 65, "The machine is gone.")
    insert_ended(Status.CANCELLED, 20)
    insert_ended(Status.COMPLETED, 60 * 24 * 3)
    update_metrics()
    requeue(again)
    insert_ended(Status.COMPLETED, 0, owner=Owner())
    insert_ended(Status.FAILED, 0, "Out of paper", type="user_import")
    for status in (Status.RUNNING, Status.WAITING, Status.QUEUED, Status.HELD, Status.SCHEDULED):
        put(status)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("address", "least", "failed"),
    [("/admin", 10, {6}), ("/admin/types", 12, {5, 1, 0}), ("/admin/types/maintenance", 3, {5})],
)
def test_every_number_equals_the_length_of_the_linked_list(
    operator: FlaskClient, update_metrics: Callable[[], None], address: str, least: int, failed: set[int]
) -> None:
    for _ in range(2):
        found = numbers(operator.get(address).text)
        assert len(found) >= least
        assert {number for link, number in found if "tab=failed" in link and "until" not in link} == failed
        for link, number in found:
            page = operator.get(link).text
            assert shown(page) == number, link
            assert total(page) in {None, number}, link
        update_metrics()


def test_a_capped_count_has_a_plus_sign(
    operator: FlaskClient, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.overview.COUNT_CEILING", 2)
    put(Status.QUEUED)
    put(Status.QUEUED)
    assert 'data-number="waiting">2+<' in operator.get("/admin").text


def test_an_empty_installation_says_so(operator: FlaskClient) -> None:
    text = operator.get("/admin").text
    for sentence in ("No jobs finished in the last 24 hours.", "No failed jobs.", "No jobs are running."):
        assert sentence in text
    assert "no run times yet" in text


def test_a_healthy_installation_shows_the_time_of_the_check(operator: FlaskClient, services: Services) -> None:
    ClockHeartbeat(services.engine).beat()
    text = operator.get("/admin").text
    assert "Everything is running normally." in text
    assert "(UTC)" in text


def test_problems_are_shown(operator: FlaskClient, put: Callable[..., Job], services: Services) -> None:
    job = put(Status.QUEUED, queue="lonely")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(created_at=later(-1200)))
    services.queues.pause("default", reason="move")
    text = operator.get("/admin").text
    assert "No worker listens to the queue lonely." in text
    assert "A job has been waiting for 20" in text
    assert "The scheduler has never run." in text
    assert "The queue default is paused." in text
    assert "Everything is running normally." not in text


def test_an_unchanged_overview_is_not_sent_again(
    operator: FlaskClient, put: Callable[..., Job], update_metrics: Callable[[], None]
) -> None:
    update_metrics()
    answer = operator.get("/admin/_live")
    tag = {"HX-PTag": answer.headers["HX-PTag"]}
    assert answer.status_code == 200
    assert 'hx-trigger="every' in answer.text
    again = operator.get("/admin/_live", headers=tag)
    assert again.status_code == 304 or again.headers["HX-PTag"] != tag["HX-PTag"]  # a minute may have passed
    put(Status.QUEUED)
    assert operator.get("/admin/_live", headers=tag).status_code == 200


def test_auditors_see_the_overview_and_users_do_not(
    auditor: FlaskClient, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    assert auditor.get("/admin").status_code == 200
    for path in ("/admin", "/admin/_live", "/admin/jobs", "/admin/jobs.csv", "/admin/errors", "/admin/performance"):
        assert client_of(user).get(path).status_code == 404


def test_incomplete_figures_are_a_problem(
    admins: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "NEWEST", 1)
    for _ in range(3):
        insert_ended()
    assert "The figures are incomplete." in admins.get("/admin").text
    update_metrics()
    assert "The figures are incomplete." not in admins.get("/admin").text


def test_a_running_job_is_stopped_from_the_overview_the_oldest_first(
    operator: FlaskClient, auditor: FlaskClient, put: Callable[..., Job], database: str
) -> None:
    old, young = put(Status.RUNNING, title="Old"), put(Status.RUNNING, title="Young")
    page = operator.get("/admin").text
    assert page.index(f"/jobs/{old.id}/stop") < page.index(f"/jobs/{young.id}/stop")
    assert f"/jobs/{old.id}/stop" not in auditor.get("/admin").text
