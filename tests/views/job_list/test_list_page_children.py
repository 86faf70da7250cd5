"""Lists show roots with a summary of their child jobs; a filter shows the child jobs too."""

import html
import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

Put = Callable[..., Job]
POLL = {"HX-Request": "true", "X-Poll": "1"}


@pytest.fixture
def operators(client_of: Callable[[User], FlaskClient], person: Callable[..., User]) -> FlaskClient:
    return client_of(person("olga", role="operator"))


@pytest.fixture
def family(put: Put) -> tuple[Job, Job]:
    """A root that waits for twelve child jobs, and the one of these that failed."""
    root = put(Status.WAITING, parts=12, parts_completed=3, parts_failed=1)
    return root, put(Status.FAILED, root_id=root.id, child_name="january", title="Part of a report")


def rows(page: str) -> list[str]:
    """Return the ids of the jobs on the page."""
    return sorted(set(re.findall(r'id="(?:job|run)-([0-9a-f-]{36})"', page)))


def tab_counts(page: str) -> dict[str, str]:
    return dict(re.findall(r'id="tab-(\w+)".*?>\w+ <span class="tab__count">([^<]+)<', page))


def text_of(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


@pytest.mark.parametrize("address", ["/jobs", "/admin/jobs"])
def test_a_list_shows_roots_and_a_filter_shows_child_jobs_too(
    operators: FlaskClient, family: tuple[Job, Job], address: str
) -> None:
    root, child = family
    page = operators.get(address).text
    assert rows(page) == [str(root.id)]
    assert (tab_counts(page)["all"], tab_counts(page)["failed"]) == ("1", "0")
    page = operators.get(f"{address}?children=1").text
    assert rows(page) == sorted([str(root.id), str(child.id)])
    assert (tab_counts(page)["all"], tab_counts(page)["failed"]) == ("2", "1")


def test_a_root_says_how_many_of_its_child_jobs_are_done(client: FlaskClient, put: Put) -> None:
    put(Status.WAITING, parts=12, parts_completed=3, parts_failed=1)
    put(Status.CANCELLED, parts=4, parts_completed=1, parts_failed=1, parts_cancelled=2)
    done = put(Status.COMPLETED, parts=1200, parts_completed=1200)
    page = text_of(client.get("/jobs").text)
    assert "3 of 12 child jobs done, 1 failed" in page
    assert "1 of 4 child jobs done, 1 failed, 2 stopped" in page
    assert "1,200 of 1,200 child jobs done" in page
    assert f'href="/jobs/{done.id}/children"' in client.get("/jobs").text


def test_a_child_job_has_its_name_and_a_link_to_its_parent(client: FlaskClient, family: tuple[Job, Job]) -> None:
    root, child = family
    page = client.get("/jobs?tab=failed&children=1").text
    row = page[page.index(f'id="job-{child.id}"') :]
    row = row[: row.index("</tr>")]
    assert f"january · Child job of #{root.short_id}" in text_of(row)
    assert f'href="/jobs/{root.id}"' in row


def test_a_search_without_a_result_offers_to_search_child_jobs(client: FlaskClient, family: tuple[Job, Job]) -> None:
    page = client.get("/jobs?q=part+of+a").text
    assert 'href="/jobs?q=part+of+a&amp;children=1"' in page
    page = client.get("/jobs?q=part+of+a&children=1").text
    assert rows(page) == [str(family[1].id)]
    assert "Search child jobs" not in page
    assert rows(client.get(f"/jobs?q={family[1].id}").text) == [str(family[1].id)]


def test_the_poll_keeps_to_the_filter(client: FlaskClient, put: Put, family: tuple[Job, Job]) -> None:
    for address, announced in (("/jobs", "1 new job"), ("/jobs?children=1", "2 new jobs")):
        page = client.get(address).text
        again = html.unescape(re.search(r'hx-get="(/jobs/_live[^"]*)"', page)[1])
        root = put(Status.COMPLETED, parts=1)
        put(Status.COMPLETED, root_id=root.id)
        assert announced in client.get(again, headers=POLL).text


@pytest.mark.parametrize("query", ["tab=failed", "tab=failed&children=1"])
def test_a_bulk_action_on_a_filter_takes_what_the_filter_shows(
    operators: FlaskClient,
    family: tuple[Job, Job],
    put: Put,
    services: Services,
    run_jobs: Callable[..., int],
    query: str,
) -> None:
    _, child = family
    failed = put(Status.FAILED)
    shown = rows(operators.get(f"/admin/jobs?{query}").text)
    assert shown == sorted(str(job.id) for job in ((failed, child) if "children" in query else (failed,)))
    data = dict(pair.split("=") for pair in query.split("&"))
    data |= {"list": "admin", "all": "1", "newest": str(max(failed.id, child.id))}
    confirmation = text_of(operators.get("/jobs/act/retry", query_string=data).text)
    assert ("2 jobs match." if "children" in query else "1 job matches.") in confirmation
    answer = operators.post("/jobs/act/retry", data=data)
    act = services.jobs.get(UUID(answer.location.rpartition("/")[2]))
    assert act.payload["children"] is ("children" in query)
    run_jobs()
    done = services.jobs.get(act.id)
    assert done.total == len(shown), done


def test_the_export_has_what_the_filter_shows(operators: FlaskClient, family: tuple[Job, Job]) -> None:
    root, child = family
    for query, expected in (("", {root.id}), ("children=1", {root.id, child.id})):
        page = operators.get(f"/admin/jobs?{query}").text
        link = html.unescape(re.search(r'href="(/admin/jobs\.csv[^"]*)"', page)[1])
        exported = operators.get(link).text
        assert {job.id for job in family if str(job.id) in exported} == expected


def test_a_child_job_that_waits_for_a_worker_is_reported_with_its_root(client: FlaskClient, put: Put) -> None:
    root = put(Status.WAITING, parts=1)
    put(Status.QUEUED, root_id=root.id, owner=Owner(user_id=root.owner.user_id))
    assert "Jobs are waiting, but no worker is running for them." in text_of(client.get("/jobs").text)
