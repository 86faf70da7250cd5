"""The dependency graph on the page of a job."""

from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner
from webapp.services import Services


def test_a_job_shows_its_dependencies_as_a_picture_and_a_table(
    client: FlaskClient, services: Services, user: User
) -> None:
    owner = Owner(user_id=user.id)
    first = services.jobs.create_job("maintenance", {}, owner=owner, title="Import a very long list of customers")
    second = services.jobs.create_job("maintenance", {}, owner=owner, title="Report", after=[first.id])
    page = client.get(f"/jobs/{first.id}").text
    picture, table = page[page.index('class="graph"') :].split('id="dependencies-table"')
    assert f'href="/jobs/{second.id}"' in picture
    assert "Import a very lon…" in picture
    assert "Import a very long list of customers" in table
    assert table.index(f"#{first.short_id}") < table.index("Report") < table.rindex(f"#{first.short_id}")


def test_a_job_without_dependencies_shows_no_graph(client: FlaskClient, put: Callable[..., Job]) -> None:
    assert 'class="graph"' not in client.get(f"/jobs/{put().id}").text
