"""Jobs grouped by their type."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Status
from webapp.views.job_list.visible_rows import VisibleRows

Put = Callable[..., Job]


def test_jobs_are_counted_by_type_most_first_and_lead_to_the_list(client: FlaskClient, put: Put) -> None:
    put(Status.FAILED, type="user_import")
    root = put(Status.FAILED, type="report")
    put(Status.FAILED, type="report")
    put(Status.FAILED, type="report", root_id=root.id)
    put(Status.COMPLETED, type="other")
    page = client.get("/jobs/by-type?tab=failed").text
    assert page.index("report") < page.index("Import users")
    assert 'href="/jobs?tab=failed&amp;type=report"' in page
    assert '<td class="series__number" data-label="Jobs">2</td>' in page
    assert "other" not in page.split("<tbody>")[1]


def test_words_are_left_out_and_other_filters_kept(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED, type="report")
    page = client.get("/jobs/by-type?q=nothing&when=7").text
    assert 'href="/jobs?type=report&amp;when=7"' in page


def test_a_list_says_how_many_jobs_match(client: FlaskClient, put: Put) -> None:
    for _ in range(2):
        put(Status.COMPLETED, type="report")
    put(Status.COMPLETED, type="other", title="Other")
    assert "<span data-total>2</span> jobs match" in client.get("/jobs?type=report").text
    for _ in range(52):
        put(Status.COMPLETED)
    page = client.get("/jobs?q=monthly").text
    assert "<span data-total>54</span> jobs match" in page
    assert 'href="/jobs/by-type?q=monthly"' in page


def test_tabs_count_the_jobs_of_a_filter(client: FlaskClient, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    for status in (Status.COMPLETED, Status.COMPLETED, Status.FAILED):
        put(status, title="Sales of May")
    put(Status.COMPLETED, title="Other")
    assert tab_counts(client.get("/jobs?q=may").text) == {"all": "3", "done": "2", "failed": "1"}
    assert tab_counts(client.get("/jobs?q=may&tab=failed").text) == {"all": "3", "done": "2", "failed": "1"}
    live = client.get(f"/jobs/_live?q=may&shown={VisibleRows.of().encode()}").text
    assert tab_counts(live) == {"all": "3", "done": "2", "failed": "1"}
    monkeypatch.setattr("webapp.jobs.queries.pagination.SEARCHED_FOR_TABS", 2)  # "Other" and the one that failed
    assert tab_counts(client.get("/jobs?q=may").text) == {"all": "3", "failed": "1+"}  # all were read for the list


def test_tabs_count_nothing_that_their_lists_would_not_show(client: FlaskClient, put: Put) -> None:
    put(Status.FAILED)
    put(Status.COMPLETED)
    assert tab_counts(client.get("/jobs?failed_since=24h").text) == {"failed": "1"}


def tab_counts(page: str) -> dict[str, str]:
    """Return the counts of the tabs, without zeros."""
    found = re.findall(r'id="tab-(\w+)".*?<span class="tab__count">([^<]+)<', page)
    return {name: count for name, count in found if count != "0"}
