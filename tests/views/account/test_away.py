"""While you were away: what happened since the user looked last."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.schema import error_groups, now
from webapp.services import Services

Put = Callable[..., Job]


def test_nothing_new_has_a_page_of_its_own(client: FlaskClient) -> None:
    page = client.get("/away").text
    assert "Nothing new" in page
    assert "Mark as seen" not in page
    assert 'href="/away"' in client.get("/notices").text


def test_ended_jobs_are_summed_up_until_they_are_marked_as_seen(
    client: FlaskClient, put: Put, services: Services, user: User
) -> None:
    for status in (Status.COMPLETED, Status.COMPLETED, Status.FAILED):
        put(status, type="job_history_export")
    page = client.get("/away").text
    assert services.registry.get("job_history_export").title in page
    assert "1 failed" in page
    assert "2 done" in page
    assert "New errors" not in page
    until = page.partition('name="until" value="')[2].partition('"')[0]
    later_job = put(Status.FAILED, type="job_history_export")
    assert client.post("/away/seen", data={"until": until}).status_code == 303
    page = client.get("/away").text
    assert "1 failed" in page, "it ended after the page was made"
    assert "done" not in page.partition("<h1>")[2].partition("Mark as seen")[0]
    client.post("/away/seen", data={"until": "nonsense"})
    assert "Nothing new" in client.get("/away").text
    assert services.accounts.get(user.id).seen_until >= later_job.finished_at


@pytest.mark.parametrize(
    ("tone", "state"),
    [
        ("is-failed", {"status": Status.FAILED}),
        ("is-done", {"status": Status.COMPLETED}),
        ("is-attention", {"status": Status.COMPLETED, "warnings": [{"text": "No stamp."}]}),
        ("is-stopped", {"status": Status.CANCELLED}),
    ],
)
def test_a_chip_leads_to_the_jobs_that_it_counts(
    client: FlaskClient, put: Put, services: Services, tone: str, state: dict[str, Any]
) -> None:
    long_ago = services.queries.jobs.now() - timedelta(days=20)
    put(**state, type="job_history_export", title="Ended long ago", finished_at=long_ago)
    put(**state, type="job_history_export", title="Sunday report")
    away = client.get("/away").text
    chip = re.search(rf'class="chip chip--link {tone}" href="([^"]+)".*?(\d+) (?:failed|done|with|stopped)', away)
    assert chip is not None
    assert chip[2] == "1"
    page = client.get(html.unescape(chip[1])).text
    assert re.findall(r'class="table__link"[^>]*>([^<]*)<', page) == ["Sunday report"]
    assert "Finished since" in " ".join(page.split())


def test_operators_see_new_errors(admins: FlaskClient, services: Services, put: Put) -> None:
    known = {
        "fingerprint": "f" * 16,
        "type": "maintenance",
        "message": "No <disk>.",
        "sample_job_id": put().id,
        "count": 2,
    }
    with writing(services.engine) as connection:
        connection.execute(insert(error_groups).values(**known, first_seen_at=now(), last_seen_at=now()))
    page = admins.get("/away").text
    assert "New errors" in page
    assert "No &lt;disk&gt;." in page
    assert "2 times" in page
