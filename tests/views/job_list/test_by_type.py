"""Jobs grouped by their type."""

from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Status

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
    assert "More than 50 jobs match" in page
    assert 'href="/jobs/by-type?q=monthly"' in page
