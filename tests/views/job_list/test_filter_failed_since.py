"""Failed jobs of a period, written as on the command line: `job retry --all-failed --since 24h`."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Status
from webapp.services import Services
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.filter import Filter, InvalidPeriod

Put = Callable[..., Job]
NOON = datetime(2026, 11, 25, 12, 0, 42, tzinfo=UTC)


@pytest.fixture
def operators(client_of: Callable[[User], FlaskClient], person: Callable[..., User]) -> FlaskClient:
    return client_of(person("olga", role="operator"))


@pytest.fixture
def failures(put: Put, services: Services) -> tuple[Job, Job]:
    """A job that failed an hour ago, and one that failed nine hours ago."""
    now = services.queries.jobs.now()
    recent, old = (
        put(Status.FAILED, title=f"Failed {hours} h ago", finished_at=now - timedelta(hours=hours)) for hours in (1, 9)
    )
    return recent, old


@pytest.mark.parametrize("filter_class", [Filter, AdminJobFilter])
def test_the_filter_selects_the_tab_of_failed_jobs(filter_class: type[Filter]) -> None:
    job_filter = filter_class.of({"failed_since": " 24h ", "tab": "done"})
    assert (job_filter.failed_since, job_filter.tab, job_filter.is_narrowed) == ("24h", "failed", True)
    assert filter_class.of(job_filter.arguments()) == job_filter
    assert job_filter.in_tab("failed") == job_filter
    assert job_filter.in_tab("done").failed_since == ""


def test_the_period_ends_now_and_starts_at_a_full_minute() -> None:
    criteria = Filter.of({"failed_since": "1d12h"}).criteria(NOON)
    assert criteria.ended_since == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


def test_another_text_is_refused() -> None:
    with pytest.raises(InvalidPeriod, match="yesterday"):
        Filter.of({"failed_since": "yesterday"}).criteria(NOON)


@pytest.mark.parametrize("address", ["/jobs", "/admin/jobs"])
def test_only_jobs_that_failed_within_the_period_are_listed(
    operators: FlaskClient, failures: tuple[Job, Job], put: Put, address: str
) -> None:
    put(Status.COMPLETED, title="Done just now")
    page = operators.get(f"{address}?failed_since=5h").text
    titles = re.findall(r'class="table__link"[^>]*>([^<]*)<', page)
    assert titles == ["Failed 1 h ago"]
    assert re.search(r'value="5h"( selected)?>', page) or 'name="failed_since" value="5h"' in page
    assert len(re.findall(r'class="table__link"', operators.get(f"{address}?failed_since=1d").text)) == 2


def test_a_bad_period_is_reported_and_ignored(operators: FlaskClient, failures: tuple[Job, Job]) -> None:
    for address in ("/jobs", "/admin/jobs"):
        page = html.unescape(operators.get(f"{address}?failed_since=yesterday").text)
        assert "“yesterday” is not a period. Examples: 90s, 10m, 24h, 1d12h" in page
        assert page.count('class="table__link"') == 2


def test_an_operators_filter_can_have_both_times(operators: FlaskClient, failures: tuple[Job, Job]) -> None:
    since = (failures[0].finished_at + timedelta(minutes=1)).isoformat().replace("+", "%2B")
    assert operators.get(f"/admin/jobs?failed_since=5h&ended_since={since}").text.count('class="table__link"') == 0
    assert operators.get("/admin/jobs?failed_since=5h&ended_since=2020-01-01").text.count('class="table__link"') == 1


def test_a_bulk_action_retries_the_failures_of_the_period(
    operators: FlaskClient, failures: tuple[Job, Job], services: Services, run_jobs: Callable[..., int]
) -> None:
    recent, old = failures
    data = {"list": "admin", "all": "1", "failed_since": "5h", "newest": str(max(recent.id, old.id))}
    answer = operators.post("/jobs/act/retry", data=data)
    assert answer.status_code == 303
    run_jobs()
    assert services.jobs.get(recent.id).status is not Status.FAILED
    assert services.jobs.get(old.id).status is Status.FAILED
