"""Share a job on its page: who is offered what, and what members see of it, until it is taken back."""

import html
import io
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import audit
from webapp.services import Services
from webapp.views.page.polling import TAG_HEADER

Put = Callable[..., Job]
ClientOf = Callable[[User], FlaskClient]


def group_of(services: Services, name: str, *members: User) -> None:
    group = services.user_groups.add(name)
    for member in members:
        services.user_groups.add_member(group, member.id)


def test_the_owner_shares_a_job_and_takes_it_back(
    client: FlaskClient, user: User, put: Put, services: Services, person: Callable[..., User], client_of: ClientOf
) -> None:
    bo = person("bo")
    group_of(services, "Finance", user, bo)
    group_of(services, "Sales")
    job, member = put(Status.COMPLETED, message="Wrote 12 rows"), client_of(bo)
    assert member.get(f"/jobs/{job.id}").status_code == 404
    dialog = client.get(f"/jobs/{job.id}/share").text
    assert ('value="Finance"' in dialog, 'value="Sales"' in dialog) == (True, False)
    assert client.post(f"/jobs/{job.id}/share", data={"group": "Finance"}).status_code == 303
    own = client.get(f"/jobs/{job.id}").text
    assert "Shared with Finance" in own
    assert "Shared with Finance by you" in own
    assert "Change sharing…" in own
    page = member.get(f"/jobs/{job.id}").text
    assert "Wrote 12 rows" in page
    assert "Shared with Finance by Ana Ruiz" in page, "whose job it is"
    assert "Change sharing…" not in page
    assert job.title in member.get("/jobs?whose=shared").text
    assert ">Shared<" in member.get("/jobs").text
    assert client.post(f"/jobs/{job.id}/share", data={"group": ""}).status_code == 303
    assert member.get(f"/jobs/{job.id}").status_code == 404
    assert "No longer shared with Finance, by you" in client.get(f"/jobs/{job.id}").text
    with reading(services.engine) as connection:
        lines = connection.execute(select(audit.c.after).where(audit.c.action == "job_share").order_by(audit.c.id))
    assert lines.scalars().all() == [{"shared_with": "Finance"}, {"shared_with": None}]


@pytest.mark.usefixtures("nothing_grows_old")
def test_open_pages_of_members_change_when_a_job_is_shared_and_taken_back(
    user: User, put: Put, services: Services, person: Callable[..., User], client_of: ClientOf
) -> None:
    bo, job = person("bo"), put(Status.HELD, title="Quarterly figures")
    group_of(services, "Finance", user, bo)
    member = client_of(bo)

    def opened(address: str) -> tuple[str, str, str]:
        """Return a page, the address of its next poll, and its tag."""
        text = member.get(address).text
        poll, tag = re.search(r'hx-get="([^"]*/_live[^"]*)"[^>]* hx-ptag="(\w+)"', text).groups()  # type: ignore[union-attr]
        return text, html.unescape(poll), tag

    def poll(page: tuple[str, str, str]) -> tuple[int, bool]:
        answer = member.get(page[1], headers={"HX-Request": "true", "X-Poll": "1", TAG_HEADER: page[2]})
        return answer.status_code, "Quarterly figures" in answer.text

    unaware = opened("/jobs")
    assert (poll(unaware), "Quarterly figures" in unaware[0]) == ((304, False), False)
    services.admin_jobs.share(job.id, "Finance")
    assert "1 new job" in member.get(unaware[1], headers={"HX-Request": "true", TAG_HEADER: unaware[2]}).text
    listed, shown = opened("/jobs"), opened(f"/jobs/{job.id}")
    assert (poll(listed)[0], poll(shown)[0]) == (304, 304)
    [finance] = services.user_groups.all()
    services.user_groups.remove_member(finance, bo.id)
    assert (poll(listed), poll(shown)) == ((200, False), (410, False))
    assert member.get(f"/jobs/{job.id}").status_code == 404
    services.user_groups.add_member(finance, bo.id)
    assert (poll(listed)[0], poll(shown)[0]) == (304, 304), "nothing is different from what was shown"
    services.admin_jobs.share(job.id, None)
    assert (poll(listed), poll(shown)) == ((200, False), (410, False))


def test_a_group_that_was_removed_meanwhile_is_named(admins: FlaskClient, put: Put) -> None:
    answer = admins.post(f"/jobs/{put().id}/share", data={"group": "Gone <b>"})
    assert (answer.status_code, "There is no group Gone &lt;b&gt;." in answer.text) == (422, True)


def test_who_belongs_to_no_group_is_told_so(client: FlaskClient, put: Put) -> None:
    job = put()
    assert f"/jobs/{job.id}/share" not in client.get(f"/jobs/{job.id}").text
    dialog = client.get(f"/jobs/{job.id}/share").text
    assert "You belong to no group." in dialog
    assert 'disabled aria-describedby="dialog-refusal">Share job</button>' in dialog
    assert "Not shared" not in dialog


def test_a_child_is_shared_with_its_root(client: FlaskClient, user: User, put: Put, services: Services) -> None:
    group_of(services, "Finance", user)
    root = put(Status.WAITING, parts=1)
    child = put(Status.QUEUED, root_id=root.id)
    assert "It is shared with its parent job." in client.get(f"/jobs/{child.id}/share").text
    assert client.post(f"/jobs/{child.id}/share", data={"group": "Finance"}).status_code == 409
    assert f"/jobs/{child.id}/share" not in client.get(f"/jobs/{child.id}").text


def test_a_job_is_shared_when_it_is_started(
    client: FlaskClient, user: User, services: Services, person: Callable[..., User], client_of: ClientOf
) -> None:
    address = "/jobs/new/dataset_report"
    assert "job.group" not in client.get(address).text, "without groups there is nothing to choose"
    bo = person("bo")
    group_of(services, "Finance", user, bo)
    group_of(services, "Sales")
    assert 'name="job.group"' in client.get(address).text
    assert "job.group" not in client.get("/jobs/new/job_history_export").text, "it shows what its owner sees"
    table = {"file": (io.BytesIO(b"a,b\n1,2\n"), "may.csv")}
    wrong = client.post(address, data={"job.group": "Sales", **table})
    assert (wrong.status_code, "You can share only with groups that you belong to." in wrong.text) == (422, True)
    table = {"file": (io.BytesIO(b"a,b\n1,2\n"), "may.csv")}
    started = client.post(address, data={"job.group": "Finance", **table})
    assert started.status_code == 303, started.text
    assert "may.csv" in client_of(bo).get(started.headers["Location"]).text
