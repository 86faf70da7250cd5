from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Status

InsertEnded = Callable[..., Job]


def test_each_type_shows_failures_and_run_times(
    operator: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None], database: str
) -> None:
    for _ in range(3):
        insert_ended()
    insert_ended(Status.FAILED, 5, "broken")
    update_metrics()
    page = operator.get("/admin/performance").text
    assert "25.0 %" in page
    assert "~9\N{NO-BREAK SPACE}s" in page
    assert "few" in page
    assert "/admin/jobs?children=1&amp;type=report&amp;ended_since=" in page


def test_the_name_of_a_queue_is_not_translated(
    person: Callable[..., User],
    client_of: Callable[[User], FlaskClient],
    insert_ended: InsertEnded,
    update_metrics: Callable[[], None],
) -> None:
    insert_ended()
    update_metrics()
    page = client_of(person("kim", role="operator", language="de")).get("/admin/performance").text
    waits = page.partition('id="waits-chart"')[2]
    assert ">default</a></th>" in waits
    assert "Standard" not in waits


def test_enough_samples_are_not_marked_as_few(
    operator: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None]
) -> None:
    for _ in range(20):
        insert_ended()
    update_metrics()
    page = operator.get("/admin/performance").text
    assert "few)" not in page.split("<tbody>")[1]


@pytest.mark.parametrize(("chosen", "has_runs"), [("1h", False), ("24h", False), ("7d", True), ("nonsense", False)])
def test_the_period_limits_the_runs(
    operator: FlaskClient, insert_ended: InsertEnded, update_metrics: Callable[[], None], chosen: str, *, has_runs: bool
) -> None:
    insert_ended(minutes=60 * 24 * 3)
    update_metrics()
    page = operator.get(f"/admin/performance?range={chosen}").text
    assert ("<tbody>" in page) is has_runs
    assert ("No runs finished in this period" in page) is not has_runs
