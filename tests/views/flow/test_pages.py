"""The page of a flow: what it shows, how it refreshes, and its actions."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import Owner
from webapp.services import Services

Text = Callable[..., str]


@pytest.fixture
def start(services: Services, user: User) -> Callable[..., Flow]:
    def start(count: int = 2, *, owner: User = user) -> Flow:
        flow = Flow("Month end")
        for number in range(count):
            job = flow.spawn("job_history_export", {"format": "csv"}, name=f"job {number}")
            if number:
                job.after("job 0", on_failure="wait")
        services.jobs.start_flow(flow, owner=Owner(user_id=owner.id), triggered_by=owner.id)
        return flow

    return start


def test_the_page_shows_the_graph_and_the_table(client: FlaskClient, start: Callable[..., Flow]) -> None:
    flow = start()
    page = client.get(f"/flows/{flow.id}").text
    assert "<h1>Month end</h1>" in page
    assert "0 of 2 jobs done" in page
    assert page.count('class="graph__node') == 2
    assert page.count('class="graph__edge') == 1
    assert "waits for a retry if they do not complete" in page
    assert f'href="/jobs/{flow.jobs[0].id}"' in page
    assert f'href="/flows/{flow.id}"' in client.get(f"/jobs/{flow.jobs[0].id}").text


def test_a_large_flow_has_a_table_in_pages(client: FlaskClient, start: Callable[..., Flow]) -> None:
    flow = start(401)
    page = client.get(f"/flows/{flow.id}?from=200").text
    assert 'class="graph"' not in page
    assert "201 to 400 of 401" in page
    assert page.count('<tr id="flow-job-') == 200
    assert "from=400" in page


def test_a_refresh_answers_304_until_something_changes(
    client: FlaskClient, services: Services, start: Callable[..., Flow]
) -> None:
    flow = start()
    headers = {"HX-Request": "true", "X-Poll": "1"}
    first = client.get(f"/flows/{flow.id}/_live", headers=headers)
    again = {**headers, "HX-PTag": first.headers["HX-PTag"]}
    assert client.get(f"/flows/{flow.id}/_live", headers=again).status_code == 304
    services.jobs.cancel(flow.jobs[0].id)  # type: ignore[arg-type]
    changed = client.get(f"/flows/{flow.id}/_live", headers=again)
    assert (changed.status_code, "Stopped" in changed.text) == (200, True)


def test_stop_and_retry_ask_first_and_act_on_the_rest(
    client: FlaskClient, services: Services, start: Callable[..., Flow], statuses: Callable[[Flow], list[str]]
) -> None:
    flow = start()
    assert "2 jobs that have not ended are stopped" in client.get(f"/flows/{flow.id}/stop").text
    assert client.post(f"/flows/{flow.id}/stop").status_code == 303
    assert statuses(flow) == ["cancelled", "cancelled"]
    assert client.post(f"/flows/{flow.id}/stop").status_code == 409
    assert "2 jobs that did not complete run again" in client.get(f"/flows/{flow.id}/retry").text
    assert "2 jobs will run again." in client.post(f"/flows/{flow.id}/retry", follow_redirects=True).text
    assert statuses(flow) == ["queued", "held"]


def test_a_flow_of_somebody_else_is_not_found(
    client: FlaskClient, person: Callable[..., User], start: Callable[..., Flow]
) -> None:
    flow = start(owner=person("somebody"))
    for address in (f"/flows/{flow.id}", f"/flows/{flow.id}/_live", f"/flows/{flow.id}/stop", f"/flows/{uuid4()}"):
        assert client.get(address).status_code == 404


@pytest.fixture
def statuses(services: Services) -> Callable[[Flow], list[str]]:
    return lambda flow: [services.jobs.get(each.id).status.value for each in flow.jobs if each.id]


def test_the_list_shows_own_flows_newest_first(
    client: FlaskClient, person: Callable[..., User], start: Callable[..., Flow]
) -> None:
    assert "No flows yet" in client.get("/flows").text
    first, _others, second = start(), start(owner=person("somebody")), start(3)
    page = client.get("/flows").text
    assert [page.index(f'href="/flows/{flow.id}"') for flow in (second, first)] == sorted(
        page.index(f'href="/flows/{flow.id}"') for flow in (first, second)
    )
    assert page.count('<tr id="flow-') == 2
    assert "0 of 3 jobs done" in page
    assert page.count("Older") == 0
    older = client.get(f"/flows?before={second.id}").text
    assert (older.count('<tr id="flow-'), str(first.id) in older) == (1, True)
    assert "No older flows" in client.get(f"/flows?before={first.id}").text
